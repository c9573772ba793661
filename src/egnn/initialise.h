#pragma once

#include <cstdint>
#include <vector>

#include "egnn/architecture.h"

namespace equibolt {

/// Random weights to start training from, in the order of ParameterLayout. Each linear map has weights and
/// bias uniform in ±1/√(inputs); the last map of each position head, `coord_mlp.2`, is Xavier-uniform with
/// gain 0.001, so that the field is close to zero at first.
std::vector<float> initial_parameters(const Architecture& architecture, std::uint64_t seed);

}  // namespace equibolt
