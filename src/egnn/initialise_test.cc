#include "egnn/initialise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace equibolt {
namespace {

Architecture untyped(std::size_t particles, std::size_t hidden, std::size_t layers) {
  return {.types = ParticleTypes(particles, 0), .dim = 3, .hidden = hidden, .layers = layers};
}

TEST(Initialise, ParameterCountsAreThoseOfTheAuthorsNetworks) {
  Architecture molecule = untyped(22, 64, 5);
  molecule.type_features = 9;
  EXPECT_EQ(initial_parameters(untyped(13, 32, 3), 1).size(), 22468U);
  EXPECT_EQ(initial_parameters(untyped(55, 64, 5), 1).size(), 146438U);
  EXPECT_EQ(initial_parameters(molecule, 1).size(), 147599U);
}

TEST(Initialise, EachArrayIsUniformWithItsBound) {
  const Architecture architecture = untyped(13, 64, 3);
  const ParameterLayout layout(architecture);
  const std::vector<float> parameters = initial_parameters(architecture, 5);
  for (const auto& array : layout.arrays()) {
    double inputs = static_cast<double>(array.columns);
    if (array.is_bias) {
      const std::string weight = array.name.substr(0, array.name.rfind('.')) + ".weight";
      inputs = static_cast<double>(layout[weight].columns);
    }
    double bound = 1 / std::sqrt(inputs);
    if (array.name.ends_with("coord_mlp.2.weight")) bound = 0.001 * std::sqrt(6.0 / 65.0);
    double largest = 0, square = 0;
    for (std::size_t k = 0; k < array.size(); ++k) {
      const double value = parameters[array.offset + k];
      largest = std::max(largest, std::abs(value));
      square += value * value;
    }
    EXPECT_LE(largest, bound * (1 + 1e-6)) << array.name;
    if (array.size() < 64) continue;
    EXPECT_GE(largest, 0.8 * bound) << array.name;
    // The square of a uniform number has the mean b²/3 and the variance 4b⁴/45.
    const double n = static_cast<double>(array.size());
    EXPECT_NEAR(square / n, bound * bound / 3, 5 * bound * bound * std::sqrt(4 / (45 * n))) << array.name;
  }
}

TEST(Initialise, TheSeedAloneDecides) {
  const Architecture architecture = untyped(4, 16, 2);
  EXPECT_EQ(initial_parameters(architecture, 3), initial_parameters(architecture, 3));
  EXPECT_NE(initial_parameters(architecture, 3), initial_parameters(architecture, 4));
}

}  // namespace
}  // namespace equibolt
