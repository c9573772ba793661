#include "egnn/initialise.h"

#include <cmath>

#include "core/random.h"

namespace equibolt {

std::vector<float> initial_parameters(const Architecture& architecture, std::uint64_t seed) {
  constexpr double position_gain = 0.001;
  const ParameterLayout layout(architecture);
  std::vector<float> parameters(layout.size());
  double bound = 0;
  for (std::size_t a = 0; a < layout.arrays().size(); ++a) {
    const ParameterLayout::Array& array = layout.arrays()[a];
    const auto inputs = static_cast<double>(array.columns);
    const auto outputs = static_cast<double>(array.rows);
    if (array.name.ends_with("coord_mlp.2.weight")) {
      bound = position_gain * std::sqrt(6 / (inputs + outputs));
    } else if (!array.is_bias) {  // a bias follows its weight and has the same bound
      bound = 1 / std::sqrt(inputs);
    }
    Random random(seed, Stream::weights, 0, a);
    for (std::size_t k = 0; k < array.size(); ++k) {
      parameters[array.offset + k] = static_cast<float>(bound * (2 * random.uniform() - 1));
    }
  }
  return parameters;
}

}  // namespace equibolt
