#include "egnn/make_vector_field.h"

#include "egnn/cpu_vector_field.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

/// On a GPU, which has both.
Precision precision_on_gpu(PrecisionChoice choice) {
  return choice == PrecisionChoice::fp32 ? Precision::fp32 : Precision::bf16;
}

/// Why the kernels for GPUs cannot do it; empty where they can.
std::string refusal_of_gpu(const Architecture& architecture, WantedGradients gradients) {
  if (!gradients) return cuda_refusal(architecture, std::nullopt);
  return cuda_refusal(architecture, precision_on_gpu(*gradients));
}

}  // namespace

Device device_for(Device wanted, const Architecture& architecture, WantedGradients gradients,
                  const CudaDevice& gpu) {
  if (wanted != Device::automatic) return wanted;
  const bool able = !gpu.name.empty() && refusal_of_gpu(architecture, gradients).empty();
  return able ? Device::cuda : Device::cpu;
}

void check_device(Device wanted, const Architecture& architecture, WantedGradients gradients,
                  const CudaDevice& gpu) {
  if (device_for(wanted, architecture, gradients, gpu) == Device::cpu) {
    if (gradients == PrecisionChoice::bf16) require_bf16_gradients();
    return;
  }
  if (gpu.name.empty()) throw UsageError("device = \"cuda\": {}", gpu.absence);
  const std::string refusal = refusal_of_gpu(architecture, gradients);
  if (!refusal.empty()) throw UsageError("device = \"cuda\": {}", refusal);
}

std::unique_ptr<VectorField> make_vector_field(Device device, const Architecture& architecture,
                                               std::span<const float> parameters, ThreadPool& pool,
                                               WantedGradients gradients) {
  const PrecisionChoice precision = gradients.value_or(PrecisionChoice::fp32);
  if (device_for(device, architecture, gradients) == Device::cpu) {
    return make_cpu_vector_field(architecture, parameters, pool, gradient_precision(precision));
  }
  return make_cuda_vector_field(architecture, parameters, precision_on_gpu(precision));
}

}  // namespace equibolt
