#pragma once

#include <span>
#include <vector>

#include "equibolt/configurations.h"

namespace equibolt {

/// The squared distances |x0_i − x1_j|² of all pairs, (prior.count(), data.count()) row-major, summed in
/// single precision. `scratch` is grown at need.
void squared_distances(ConfigurationsView<const float> prior, ConfigurationsView<const float> data,
                       std::vector<float>& scratch, std::span<float> cost);

}  // namespace equibolt
