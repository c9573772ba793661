#pragma once

#include <memory>
#include <span>
#include <string>

#include "core/threads.h"
#include "egnn/precision.h"
#include "egnn/vector_field.h"

namespace equibolt {

/// Where the vector field is computed; `automatic` is a GPU where there is one that takes the network.
enum class Device { cpu, cuda, automatic };

/// What `automatic` means for this network on this machine.
Device device_for(Device wanted, const Architecture& architecture);

/// The vector field on a device. `automatic` gradients are in bf16 where that device has it.
std::unique_ptr<VectorField> make_vector_field(Device device, const Architecture& architecture,
                                               std::span<const float> parameters, ThreadPool& pool,
                                               PrecisionChoice gradients = PrecisionChoice::fp32);

}  // namespace equibolt
