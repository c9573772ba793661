#include "egnn/precise_field.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/random.h"
#include "egnn/initialise.h"
#include "egnn/spec/reference.h"

namespace equibolt {
namespace {

TEST(PreciseField, EqualsThePlainReferenceAndItsComplexStep) {
  for (const std::size_t layers : {1, 2, 4}) {
    for (const bool typed : {false, true}) {
      Architecture architecture;
      architecture.types = typed ? ParticleTypes{0, 1, 1, 2, 0} : ParticleTypes(5);
      architecture.type_features = typed ? 3 : 0;
      architecture.dim = typed ? 3 : 2;
      architecture.hidden = 7;
      architecture.layers = layers;
      const ParameterLayout layout(architecture);
      Random random(3, Stream::test, layers, typed);
      std::vector<float> parameters = initial_parameters(architecture, 2);
      for (float& value : parameters) value += static_cast<float>(0.2 * random.normal());
      const std::vector<double> weights(parameters.begin(), parameters.end());
      std::vector<double> x(architecture.particles() * architecture.dim), v(x.size());
      for (double& value : x) value = random.normal();

      const PreciseField field(architecture, parameters);
      const double divergence = field.velocity_and_divergence(0.3, x, v);
      const std::span<const double> weights_view(weights), x_view(x);
      const auto expected = reference::velocity(architecture, layout, weights_view, 0.3, x_view);
      const double expected_divergence =
          reference::divergence(architecture, layout, weights_view, 0.3, x_view);
      ASSERT_GT(std::abs(expected_divergence), 0.1);
      EXPECT_NEAR(divergence, expected_divergence, 1e-11 * std::abs(expected_divergence) + 1e-12);
      for (std::size_t k = 0; k < x.size(); ++k) EXPECT_NEAR(v[k], expected[k], 1e-12);
      std::vector<double> alone(x.size());
      field.velocity(0.3, x, alone);
      EXPECT_EQ(alone, v);
    }
  }
}

}  // namespace
}  // namespace equibolt
