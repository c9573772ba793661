#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "egnn/precision.h"
#include "egnn/vector_field.h"

namespace equibolt {

/// The vector field on the first NVIDIA GPU that CUDA shows (CUDA_VISIBLE_DEVICES chooses), by the kernels of
/// egnn/cuda. `gradients` is the precision of vjp and loss_gradient, where bf16 means half precision for the
/// features of edges (half_edges.h); velocities and divergences are in float32, whose products are made of
/// six bf16 products on the tensor cores. No result depends on the order in which the GPU runs its blocks.
/// Throws UsageError where cuda_refusal has a reason, for gradients when they are asked for, and where there
/// is no GPU or this program was built without CUDA; NumericalError, with CUDA's words, where a kernel fails.
/// vjp is in fp32 alone.
std::unique_ptr<VectorField> make_cuda_vector_field(const Architecture& architecture,
                                                    std::span<const float> parameters,
                                                    Precision gradients = Precision::fp32);

/// Why these kernels cannot compute fields of this kind, with gradients of a precision where they are wanted;
/// empty where they can.
std::string cuda_refusal(const Architecture& architecture, std::optional<Precision> gradients);

/// A GPU as `equibolt doctor` tells of it.
struct CudaDevice {
  std::string name;     ///< empty: there is none to use
  std::string absence;  ///< then why
  std::string version;  ///< compute capability, driver and run-time
  double gibibytes = 0;
};
CudaDevice cuda_device();

}  // namespace equibolt
