#include <fmt/format.h>

#include "egnn/cuda/field.h"
#include "egnn/cuda_vector_field.h"

namespace equibolt {

CudaDevice cuda_device() {
  CudaDevice device;
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess || count == 0) {
    device.absence = error != cudaSuccess ? fmt::format("CUDA says: {}", cudaGetErrorString(error))
                                          : std::string("CUDA shows no GPU");
    return device;
  }
  cudaDeviceProp properties{};
  int driver = 0, runtime = 0;
  cuda::check(cudaGetDeviceProperties(&properties, 0), "asking the device");
  cuda::check(cudaDriverGetVersion(&driver), "asking the driver");
  cuda::check(cudaRuntimeGetVersion(&runtime), "asking the run-time");
  if (properties.major < 9) {
    device.absence = fmt::format("{} has compute capability {}.{}, at least 9.0 is needed", properties.name,
                                 properties.major, properties.minor);
    return device;
  }
  device.name = properties.name;
  device.version =
      fmt::format("compute capability {}.{}, driver for CUDA {}.{}, run-time {}.{}", properties.major,
                  properties.minor, driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
  device.gibibytes = static_cast<double>(properties.totalGlobalMem) / 0x1p30;
  return device;
}

std::unique_ptr<VectorField> make_cuda_vector_field(const Architecture& architecture,
                                                    std::span<const float> parameters, Precision gradients) {
  const CudaDevice device = cuda_device();
  if (device.name.empty()) throw UsageError("device = \"cuda\": {}", device.absence);
  return std::make_unique<cuda::CudaVectorField>(architecture, parameters, gradients, device.name);
}

}  // namespace equibolt
