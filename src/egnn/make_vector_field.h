#pragma once

#include <memory>
#include <optional>
#include <span>

#include "core/threads.h"
#include "egnn/cuda_vector_field.h"
#include "egnn/precision.h"
#include "egnn/vector_field.h"

namespace equibolt {

/// Where the vector field is computed; `automatic` is a GPU where there is one that can do what is wanted.
enum class Device { cpu, cuda, automatic };

/// The precision of the gradients (vjp, loss_gradient) that are wanted of a field; nothing where none are.
using WantedGradients = std::optional<PrecisionChoice>;
inline constexpr WantedGradients no_gradients = std::nullopt;

/// What `automatic` means on a machine with this GPU, or without one. A training in half precision may have
/// another device than the fine-tuning that follows.
Device device_for(Device wanted, const Architecture& architecture, WantedGradients gradients,
                  const CudaDevice& gpu = cuda_device());

/// Throws UsageError where the device that is wanted cannot do what is wanted of it: what make_vector_field
/// and the field would throw later, for use before hours of other work.
void check_device(Device wanted, const Architecture& architecture, WantedGradients gradients,
                  const CudaDevice& gpu = cuda_device());

/// The vector field on a device. `automatic` gradients are in bf16 where that device has it. A field that is
/// made without gradients may throw UsageError when it is asked for them.
std::unique_ptr<VectorField> make_vector_field(Device device, const Architecture& architecture,
                                               std::span<const float> parameters, ThreadPool& pool,
                                               WantedGradients gradients);

}  // namespace equibolt
