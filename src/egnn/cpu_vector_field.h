#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/threads.h"
#include "egnn/vector_field.h"

namespace equibolt {

/// The vector field on the CPU, in float32, with the best instruction set found at run time. `parameters` are
/// copied; `pool` is used for every batch and has to outlive the field. Throws UsageError where the
/// architecture, and later where an array's shape, is not what it has to be.
std::unique_ptr<VectorField> make_cpu_vector_field(const Architecture& architecture,
                                                   std::span<const float> parameters, ThreadPool& pool);

/// Names of the instruction sets that both this machine and this program have, the best, which is used,
/// first.
std::vector<std::string> instruction_sets();

}  // namespace equibolt
