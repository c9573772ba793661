// In the place of cuda/cuda_vector_field.cu where this program is built without CUDA.

#include "egnn/cuda_vector_field.h"
#include "equibolt/error.h"

namespace equibolt {

std::unique_ptr<VectorField> make_cuda_vector_field(const Architecture&, std::span<const float>, Precision) {
  throw UsageError("device = \"cuda\": {}", cuda_device().absence);
}

CudaDevice cuda_device() {
  return {"", "this equibolt was built without CUDA (scripts/build.sh cuda, with nvcc on the path)", "", 0};
}

}  // namespace equibolt
