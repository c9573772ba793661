#include "egnn/divergence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>
#include <vector>

#include "core/geometry.h"
#include "core/random.h"
#include "egnn/spec/divergence_plain.h"
#include "egnn/spec/golden.h"
#include "egnn/spec/reference.h"
#include "egnn/targets.h"
#include "hwy/targets.h"

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

struct Shape {
  std::size_t particles, dim, hidden, layers, types;
};

TEST(DivergencePlain, EqualsTheComplexStepOfTheReference) {
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

/// v and the divergence by the kernel.
std::pair<std::vector<float>, double> by_kernel(const Architecture& architecture,
                                                const std::vector<double>& parameters, double t,
                                                std::span<const double> x) {
  cpu::Network network(architecture);
  network.set_parameters(std::vector<float>(parameters.begin(), parameters.end()));
  cpu::DivergenceWorkspace workspace(network);  // filled with NaN
  const std::vector<float> x_float(x.begin(), x.end());
  std::vector<float> v(x.size());
  const double divergence =
      cpu::velocity_and_divergence(network, static_cast<float>(t), x_float, v, workspace);
  return {v, divergence};
}

constexpr double kernel_tolerance = 1e-5;

void expect_plain_form(std::initializer_list<Shape> shapes, double tolerance) {
  for (const Shape& s : shapes) {
    const Case c = random_case(s.particles, s.dim, s.hidden, s.layers, s.types, 5);
    const ParameterLayout layout(c.architecture);
    const std::span<const double> parameters(c.parameters), x(c.x);
    const double expected = plain::divergence(c.architecture, layout, parameters, c.t, x);
    const auto expected_v = reference::velocity(c.architecture, layout, parameters, c.t, x);
    for (const auto target : hwy::SupportedAndGeneratedTargets()) {
      hwy::SetSupportedTargetsForTest(target);
      const auto [v, divergence] = by_kernel(c.architecture, c.parameters, c.t, x);
      const std::string what = fmt::format("{} particles, {} dimensions, {} layers, {}", s.particles, s.dim,
                                           s.layers, hwy::TargetName(target));
      EXPECT_TRUE(std::abs(divergence - expected) <= tolerance * std::abs(expected))
          << what << ": " << divergence << " for " << expected;
      EXPECT_TRUE(relative_error(v, expected_v) <= kernel_tolerance)
          << what << ": " << relative_error(v, expected_v);
    }
    hwy::SetSupportedTargetsForTest(0);
  }
}

TEST(DivergenceKernel, EqualsThePlainFormForEveryDepthAndOddSizesOnEachInstructionSet) {
  expect_plain_form(
      {Shape{5, 3, 32, 1, 0}, Shape{4, 2, 7, 1, 2}, Shape{5, 3, 32, 2, 0}, Shape{2, 3, 5, 2, 0},
       Shape{5, 3, 32, 3, 0}, Shape{7, 2, 33, 3, 3}, Shape{6, 1, 16, 3, 2}, Shape{6, 3, 40, 4, 2},
       Shape{5, 2, 8, 4, 0}, Shape{6, 3, 24, 5, 3}, Shape{3, 1, 9, 5, 0}, Shape{17, 2, 20, 5, 2},
       Shape{5, 3, 12, 6, 5}, Shape{2, 2, 64, 7, 0}, Shape{1, 3, 8, 3, 0}, Shape{3, 4, 10, 3, 0},
       Shape{18, 3, 16, 3, 2}, Shape{19, 3, 16, 5, 2}, Shape{4, 5, 10, 5, 0}},
      kernel_tolerance);
}

// Blocks and batches of one, for which N is large; several register blocks of features; more rows of edges
// than a tile. With many particles most gates are saturated: 1 − g by a subtraction is wrong by up to 2e-3 of
// the divergence there. What is left is rounding, of terms that cancel, up to 1.4e-5.
TEST(DivergenceKernel, EqualsThePlainFormForWideAndForLargeNetworksSlow) {
  expect_plain_form(
      {Shape{4, 3, 130, 3, 2}, Shape{3, 2, 97, 5, 0}, Shape{50, 1, 64, 3, 0}, Shape{25, 3, 20, 4, 3},
       Shape{100, 3, 16, 4, 2}, Shape{100, 3, 5, 4, 2}, Shape{100, 2, 5, 5, 0}},
      3 * kernel_tolerance);
}

/// The tolerance tells networks apart of which one array differs by a hundredth, whichever it is.
TEST(DivergenceKernel, WrongWeightsAreFarOutsideTheTolerance) {
  const Case c = random_case(5, 3, 8, 5, 2, 3);
  const ParameterLayout layout(c.architecture);
  const double right = by_kernel(c.architecture, c.parameters, c.t, c.x).second;
  for (const auto& array : layout.arrays()) {
    if (array.name.starts_with("embedding_out") || array.name.starts_with("gcl_4.node_mlp")) continue;
    std::vector<double> parameters = c.parameters;
    for (std::size_t k = 0; k < array.size(); ++k) parameters[array.offset + k] *= 1.01;
    const double wrong = plain::divergence(c.architecture, layout, std::span<const double>(parameters), c.t,
                                           std::span<const double>(c.x));
    EXPECT_TRUE(std::abs(right - wrong) > 2 * kernel_tolerance * std::abs(wrong)) << array.name;
  }
}

TEST(DivergenceKernel, DoesNotChangeUnderTheSymmetries) {
  const Case c = random_case(9, 3, 16, 4, 2, 8);
  const double expected = by_kernel(c.architecture, c.parameters, c.t, c.x).second;
  Random random(2, Stream::test);
  std::vector<double> x = c.x;
  rotate(std::span<double>(x), random_rotation(random, 3, true), 3);
  for (std::size_t k = 0; k < x.size(); ++k) x[k] += k % 3 == 0 ? 0.7 : -0.3;
  for (const auto& group : groups_of(c.architecture.types)) {
    std::swap_ranges(x.begin() + static_cast<std::ptrdiff_t>(3 * group.front()),
                     x.begin() + static_cast<std::ptrdiff_t>(3 * group.front() + 3),
                     x.begin() + static_cast<std::ptrdiff_t>(3 * group.back()));
  }
  const double found = by_kernel(c.architecture, c.parameters, c.t, x).second;
  EXPECT_TRUE(std::abs(found - expected) <= kernel_tolerance * std::abs(expected))
      << found << " " << expected;
}

TEST(DivergenceKernel, AUsedWorkspaceGivesTheSameBits) {
  const Case c = random_case(6, 3, 16, 5, 2, 4);
  const auto [v, divergence] = by_kernel(c.architecture, c.parameters, c.t, c.x);
  cpu::Network network(c.architecture);
  network.set_parameters(std::vector<float>(c.parameters.begin(), c.parameters.end()));
  cpu::DivergenceWorkspace workspace(network);
  std::vector<float> x(c.x.begin(), c.x.end()), found_v(x.size());
  std::vector<float> other(x.rbegin(), x.rend());
  cpu::velocity_and_divergence(network, 0.9F, other, found_v, workspace);
  const double found = cpu::velocity_and_divergence(network, static_cast<float>(c.t), x, found_v, workspace);
  EXPECT_EQ(found, divergence);
  EXPECT_EQ(found_v, v);
}

TEST(DivergenceKernel, EqualsTheGoldenNetworks) {
  for (const Golden& golden : golden_networks()) {
    const auto parameters = golden.parameters("weight.");
    const auto x = golden.values("x"), t = golden.values("t"), v = golden.values("v");
    const auto expected = golden.values("divergence");
    const std::size_t coordinates = x.size() / t.size();
    std::vector<float> found_v;
    std::vector<double> found;
    for (std::size_t b = 0; b < t.size(); ++b) {
      const auto [v_b, divergence] =
          by_kernel(golden.architecture, parameters, t[b], {x.data() + b * coordinates, coordinates});
      found_v.insert(found_v.end(), v_b.begin(), v_b.end());
      found.push_back(divergence);
    }
    // Over the batch: a single divergence may happen to lie near zero.
    EXPECT_TRUE(relative_error(found, expected) <= kernel_tolerance)
        << golden.name << ": " << relative_error(found, expected);
    EXPECT_TRUE(relative_error(found_v, v) <= kernel_tolerance)
        << golden.name << ": " << relative_error(found_v, v);
  }
}

}  // namespace
}  // namespace equibolt
