#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/threads.h"
#include "egnn/precision.h"
#include "egnn/vector_field.h"

namespace equibolt {

/// The vector field on the CPU, in float32, with the best instruction set found at run time. `parameters` are
/// copied; `pool` is used for every batch and has to outlive the field. `gradients` is the precision of vjp
/// and loss_gradient. Throws UsageError where the architecture, and later where an array's shape, is not what
/// it has to be, and where the machine has no bf16.
std::unique_ptr<VectorField> make_cpu_vector_field(const Architecture& architecture,
                                                   std::span<const float> parameters, ThreadPool& pool,
                                                   Precision gradients = Precision::fp32);

/// How many of `workers` may have scratch memory of `bytes` each for `what` ("velocity"), which grows as the
/// square of the number of particles: all of them, where that takes at most 80 % of the machine's
/// `gibibytes`. Throws UsageError where not even one may.
std::size_t workers_in_memory(const char* what, const Architecture& architecture, std::size_t bytes,
                              std::size_t workers, double gibibytes);

/// Whether this machine has gradients in bf16: x86 processors with AVX-512 and its extension BF16.
bool has_bf16_gradients();
/// Throws UsageError where it has not.
void require_bf16_gradients();
/// What a choice means on this machine.
Precision gradient_precision(PrecisionChoice choice);

/// Names of the instruction sets that both this machine and this program have, the best, which is used,
/// first.
std::vector<std::string> instruction_sets();

}  // namespace equibolt
