#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/random.h"
#include "egnn/divergence_plain.h"
#include "egnn/reference.h"

namespace equibolt {
namespace {

/// A random network with position heads large enough that the field is far from zero, and a configuration.
struct Case {
  Architecture architecture;
  std::vector<double> parameters;
  std::vector<double> x;
  double t = 0.37;
};

Case random_case(std::size_t particles, std::size_t dim, std::size_t hidden, std::size_t layers,
                 std::size_t type_features, std::uint64_t seed) {
  Case c;
  Random random(seed, Stream::test);
  for (std::size_t i = 0; i < particles; ++i) {
    c.architecture.types.push_back(type_features > 0 ? static_cast<int>(random.below(type_features)) : 0);
  }
  c.architecture.dim = dim;
  c.architecture.hidden = hidden;
  c.architecture.layers = layers;
  c.architecture.type_features = type_features;
  const ParameterLayout layout(c.architecture);
  c.parameters.resize(layout.size());
  for (const auto& array : layout.arrays()) {
    const double bound = array.is_bias ? 0.3 : 1.3 / std::sqrt(static_cast<double>(array.columns));
    for (std::size_t k = 0; k < array.size(); ++k) {
      c.parameters[array.offset + k] =
          static_cast<double>(static_cast<float>(bound * (2 * random.uniform() - 1)));
    }
  }
  c.x.resize(particles * dim);
  for (double& value : c.x) value = static_cast<double>(static_cast<float>(1.2 * random.normal()));
  return c;
}

TEST(DivergencePlain, EqualsTheComplexStepOfTheReference) {
  struct Shape {
    std::size_t particles, dim, hidden, layers, types;
  };
  for (const Shape& s :
       {Shape{4, 3, 5, 1, 0}, Shape{5, 2, 4, 2, 3}, Shape{4, 3, 5, 3, 0}, Shape{4, 3, 5, 4, 2},
        Shape{4, 2, 4, 5, 0}, Shape{3, 1, 3, 6, 2}, Shape{2, 3, 3, 3, 0}}) {
    const Case c = random_case(s.particles, s.dim, s.hidden, s.layers, s.types, 11);
    const ParameterLayout layout(c.architecture);
    const std::span<const double> parameters(c.parameters), x(c.x);
    const double expected = reference::divergence(c.architecture, layout, parameters, c.t, x);
    const double found = plain::divergence(c.architecture, layout, parameters, c.t, x);
    EXPECT_TRUE(std::abs(found - expected) <= 1e-10 * std::abs(expected))
        << s.layers << " layers: " << found << " for " << expected;
  }
}

}  // namespace
}  // namespace equibolt
