#include "egnn/make_vector_field.h"

#include "egnn/cpu_vector_field.h"
#include "egnn/cuda_vector_field.h"

namespace equibolt {

Device device_for(Device wanted, const Architecture& architecture) {
  if (wanted != Device::automatic) return wanted;
  const bool taken = architecture.dim <= 3 && architecture.hidden <= 128;
  return taken && !cuda_device().name.empty() ? Device::cuda : Device::cpu;
}

std::unique_ptr<VectorField> make_vector_field(Device device, const Architecture& architecture,
                                               std::span<const float> parameters, ThreadPool& pool,
                                               PrecisionChoice gradients) {
  if (device_for(device, architecture) == Device::cpu) {
    return make_cpu_vector_field(architecture, parameters, pool, gradient_precision(gradients));
  }
  return make_cuda_vector_field(architecture, parameters,
                                gradients == PrecisionChoice::fp32 ? Precision::fp32 : Precision::bf16);
}

}  // namespace equibolt
