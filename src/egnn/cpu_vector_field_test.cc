#include "egnn/cpu_vector_field.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/geometry.h"
#include "core/random.h"
#include "egnn/golden.h"
#include "egnn/initialise.h"
#include "egnn/reference.h"

namespace equibolt {
namespace {

// Relative to the reference in double; single precision has 6e-8 per operation.
constexpr double tolerance = 1e-5;
constexpr double array_tolerance = 1e-4;        // of one weight array's own gradient, and so much of the
constexpr double array_floor_tolerance = 1e-6;  // whole gradient

/// Runs `body` on each instruction set that the machine has.
template <typename Body>
void for_each_target(const Body& body) {
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
}

/// A network with a batch of inputs, and what the reference makes of them.
struct Case {
  std::string name;
  Architecture architecture;
  std::vector<float> parameters, t;
  Configurations<float> x, target, cot_v;
  std::vector<double> v, divergence, vjp_x, vjp, grad_loss;
  double loss = 0;
};

Case case_of(const Golden& golden) {
  const auto floats = [](const std::vector<double>& values) {
    return std::vector<float>(values.begin(), values.end());
  };
  const Architecture& architecture = golden.architecture;
  const auto configurations = [&](const char* name) {
    Configurations<float> x(golden.batch(), architecture.particles(), architecture.dim);
    std::ranges::copy(floats(golden.values(name)), x.values().begin());
    return x;
  };
  return {golden.name,
          architecture,
          floats(golden.parameters("weight.")),
          floats(golden.values("t")),
          configurations("x"),
          configurations("target"),
          configurations("cot_v"),
          golden.values("v"),
          golden.values("divergence"),
          golden.values("vjp_x"),
          golden.parameters("vjp."),
          golden.parameters("grad_loss."),
          golden.values("loss")[0]};
}

/// Initial weights with larger position heads, so that the field is of order 1.
std::vector<float> lively_parameters(const Architecture& architecture, std::uint64_t seed) {
  std::vector<float> parameters = initial_parameters(architecture, seed);
  const ParameterLayout layout(architecture);
  for (const auto& array : layout.arrays()) {
    if (!array.name.ends_with("coord_mlp.2.weight")) continue;
    for (std::size_t k = 0; k < array.size(); ++k) parameters[array.offset + k] *= 300;
  }
  return parameters;
}

Architecture random_architecture(Random& random) {
  Architecture architecture;
  architecture.dim = 1 + random.below(4);
  architecture.hidden = 1 + random.below(70);
  architecture.layers = 1 + random.below(4);
  architecture.type_features = random.below(5);
  architecture.types.resize(1 + random.below(20));
  for (int& type : architecture.types) {
    type = architecture.type_features == 0 ? 0 : static_cast<int>(random.below(architecture.type_features));
  }
  return architecture;
}

Case random_case(std::uint64_t seed) {
  Random random(seed, Stream::test);
  Case c;
  c.architecture = random_architecture(random);
  c.name = fmt::format("seed {}: N {}, D {}, h {}, L {}", seed, c.architecture.particles(),
                       c.architecture.dim, c.architecture.hidden, c.architecture.layers);
  c.parameters = lively_parameters(c.architecture, seed);
  const std::size_t batch = 1 + random.below(4);
  for (Configurations<float>* x : {&c.x, &c.target, &c.cot_v}) {
    *x = Configurations<float>(batch, c.architecture.particles(), c.architecture.dim);
    random.fill_normal(x->values());
  }
  for (std::size_t b = 0; b < batch; ++b) c.t.push_back(static_cast<float>(random.uniform()));

  const ParameterLayout layout(c.architecture);
  const std::vector<double> parameters(c.parameters.begin(), c.parameters.end());
  c.vjp.resize(layout.size());
  c.grad_loss.resize(layout.size());
  for (std::size_t b = 0; b < batch; ++b) {
    const std::vector<double> x(c.x[b].begin(), c.x[b].end()), cot_v(c.cot_v[b].begin(), c.cot_v[b].end());
    const auto v = reference::velocity<double, double>(c.architecture, layout, parameters, c.t[b], x);
    std::vector<double> cot_loss(v);
    for (std::size_t k = 0; k < v.size(); ++k) {
      cot_loss[k] -= static_cast<double>(c.target[b][k]);
      c.loss += cot_loss[k] * cot_loss[k] / static_cast<double>(c.x.size());
      cot_loss[k] *= 2 / static_cast<double>(c.x.size());
    }
    const auto g =
        reference::velocity_vjp<double, double>(c.architecture, layout, parameters, c.t[b], x, cot_v);
    const auto g_loss =
        reference::velocity_vjp<double, double>(c.architecture, layout, parameters, c.t[b], x, cot_loss);
    c.v.insert(c.v.end(), v.begin(), v.end());
    c.vjp_x.insert(c.vjp_x.end(), g.x.begin(), g.x.end());
    for (std::size_t p = 0; p < layout.size(); ++p) {
      c.vjp[p] += g.parameters[p];
      c.grad_loss[p] += g_loss.parameters[p];
    }
  }
  return c;
}

void expect_gradient(const Architecture& architecture, const std::vector<float>& found,
                     const std::vector<double>& expected) {
  const double whole = norm(std::span(expected));
  if (whole > 0) {
    EXPECT_LE(relative_error(found, expected), tolerance);
  }
  const std::string last_layer = fmt::format("gcl_{}.", architecture.layers - 1);
  const ParameterLayout layout(architecture);
  for (const auto& array : layout.arrays()) {
    const auto f = std::span(found).subspan(array.offset, array.size());
    const auto e = std::span(expected).subspan(array.offset, array.size());
    if (array.name.starts_with("embedding_out") || array.name.starts_with(last_layer + "node_mlp")) {
      EXPECT_EQ(std::ranges::count(f, 0.0F), static_cast<std::ptrdiff_t>(f.size())) << array.name;
    }
    double square = 0;
    for (std::size_t k = 0; k < f.size(); ++k) square += std::pow(static_cast<double>(f[k]) - e[k], 2);
    EXPECT_LE(std::sqrt(square), array_tolerance * norm(e) + array_floor_tolerance * whole) << array.name;
  }
}

void expect_case(const Case& c, ThreadPool& pool) {
  SCOPED_TRACE(c.name);
  const auto field = make_cpu_vector_field(c.architecture, c.parameters, pool);
  Configurations<float> v(c.x.count(), c.x.particles(), c.x.dim());
  std::vector<float> gradient(c.parameters.size());
  const auto values = [](const Configurations<float>& x) {
    return std::vector<float>(x.values().begin(), x.values().end());
  };

  field->velocity(c.t, c.x, v);
  if (norm(std::span(c.v)) > 0) {
    EXPECT_LE(relative_error(values(v), c.v), tolerance);
  }
  field->vjp(c.t, c.x, c.cot_v, v, gradient);
  if (norm(std::span(c.vjp_x)) > 0) {
    EXPECT_LE(relative_error(values(v), c.vjp_x), tolerance);
  }
  expect_gradient(c.architecture, gradient, c.vjp);
  const double loss = field->loss_gradient(c.t, c.x, c.target, gradient);
  EXPECT_LE(std::abs(loss - c.loss), tolerance * c.loss);
  expect_gradient(c.architecture, gradient, c.grad_loss);
}

TEST(CpuVectorField, AgreesWithGoldenNetworksOnEachInstructionSet) {
  ThreadPool pool(2);
  for (const Golden& golden : golden_networks()) {
    const Case c = case_of(golden);
    for_each_target([&] { expect_case(c, pool); });
  }
}

TEST(CpuVectorField, AgreesWithTheReferenceForOddSizesOnEachInstructionSet) {
  ThreadPool pool(2);
  for (std::uint64_t seed = 0; seed < 25; ++seed) {
    const Case c = random_case(seed);
    for_each_target([&] { expect_case(c, pool); });
  }
}

}  // namespace
}  // namespace equibolt
