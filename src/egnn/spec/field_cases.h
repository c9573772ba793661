#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/random.h"
#include "egnn/initialise.h"
#include "egnn/spec/golden.h"
#include "egnn/spec/reference.h"
#include "egnn/vector_field.h"

/// For tests: networks with inputs and what the reference makes of them, and what each implementation of
/// VectorField has to agree with.
namespace equibolt {

// Relative to the reference in double; single precision has 6e-8 per operation.
inline constexpr double tolerance = 1e-5;
/// Of gradients, in units of the whole gradient's norm, and of one weight array's: so much of its own norm
/// and of the whole's.
struct GradientTolerances {
  double whole;
  double array;
  double array_floor;
};
inline constexpr GradientTolerances fp32_tolerances{tolerance, 1e-4, 1e-6};
// Operands are rounded by up to 2^-9 = 2e-3. In the smallest networks, for one to four samples and random
// cotangents, terms that are larger than their sum make more of it; over a batch errors average.
inline constexpr GradientTolerances bf16_tolerances{3e-2, 5e-2, 1e-2};
inline constexpr double bf16_batch_tolerance = 5e-3;

/// A network with a batch of inputs, and what the reference makes of them.
struct Case {
  std::string name;
  Architecture architecture;
  std::vector<float> parameters, t;
  Configurations<float> x, target, cot_v;
  std::vector<double> v, divergence, vjp_x, vjp, grad_loss;
  double loss = 0;
};

inline Case case_of(const Golden& golden) {
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
inline std::vector<float> lively_parameters(const Architecture& architecture, std::uint64_t seed) {
  std::vector<float> parameters = initial_parameters(architecture, seed);
  const ParameterLayout layout(architecture);
  for (const auto& array : layout.arrays()) {
    if (!array.name.ends_with("coord_mlp.2.weight")) continue;
    for (std::size_t k = 0; k < array.size(); ++k) parameters[array.offset + k] *= 300;
  }
  return parameters;
}

inline Architecture random_architecture(Random& random, std::size_t max_dim) {
  Architecture architecture;
  architecture.dim = 1 + random.below(max_dim);
  architecture.hidden = 1 + random.below(70);
  architecture.layers = 1 + random.below(4);
  architecture.type_features = random.below(5);
  architecture.types.resize(1 + random.below(20));
  for (int& type : architecture.types) {
    type = architecture.type_features == 0 ? 0 : static_cast<int>(random.below(architecture.type_features));
  }
  return architecture;
}

/// Without what the reference makes of it.
inline Case inputs_for(const Architecture& architecture, std::size_t batch, std::uint64_t seed,
                       Random& random) {
  Case c;
  c.architecture = architecture;
  c.name = fmt::format("seed {}: N {}, D {}, h {}, L {}", seed, c.architecture.particles(),
                       c.architecture.dim, c.architecture.hidden, c.architecture.layers);
  c.parameters = lively_parameters(c.architecture, seed);
  for (Configurations<float>* x : {&c.x, &c.target, &c.cot_v}) {
    *x = Configurations<float>(batch, c.architecture.particles(), c.architecture.dim);
    random.fill_normal(x->values());
  }
  for (std::size_t b = 0; b < batch; ++b) c.t.push_back(static_cast<float>(random.uniform()));
  return c;
}

/// The same of a network that is random, too.
inline Case random_inputs(std::uint64_t seed, std::size_t max_dim = 4) {
  Random random(seed, Stream::test);
  const Architecture architecture = random_architecture(random, max_dim);
  return inputs_for(architecture, 1 + random.below(4), seed, random);
}

/// Fills in what the reference makes of it.
inline void add_reference(Case& c) {
  const ParameterLayout layout(c.architecture);
  const std::vector<double> parameters(c.parameters.begin(), c.parameters.end());
  c.vjp.resize(layout.size());
  c.grad_loss.resize(layout.size());
  for (std::size_t b = 0; b < c.x.count(); ++b) {
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
}

inline Case random_case(std::uint64_t seed, std::size_t max_dim = 4) {
  Case c = random_inputs(seed, max_dim);
  add_reference(c);
  return c;
}

inline void expect_gradient(const Architecture& architecture, const std::vector<float>& found,
                            const std::vector<double>& expected, const GradientTolerances& tolerances) {
  const double whole = norm(std::span(expected));
  EXPECT_LE(relative_error(found, expected), tolerances.whole);
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
    EXPECT_LE(std::sqrt(square), tolerances.array * norm(e) + tolerances.array_floor * whole) << array.name;
  }
}

/// Makes the implementation that is tested.
using MakeField = std::function<std::unique_ptr<VectorField>(const Case&)>;

inline void expect_vjp(const Case& c, const MakeField& make, const GradientTolerances& tolerances) {
  const auto field = make(c);
  SCOPED_TRACE(c.name + ", " + field->backend());
  Configurations<float> grad_x(c.x.count(), c.x.particles(), c.x.dim());
  std::vector<float> gradient(c.parameters.size());
  field->vjp(c.t, c.x, c.cot_v, grad_x, gradient);
  EXPECT_LE(relative_error(std::vector<float>(grad_x.values().begin(), grad_x.values().end()), c.vjp_x),
            tolerances.whole);
  expect_gradient(c.architecture, gradient, c.vjp, tolerances);
  // Without the weights' gradient that of the positions is the same.
  Configurations<float> grad_x_alone(c.x.count(), c.x.particles(), c.x.dim());
  field->vjp(c.t, c.x, c.cot_v, grad_x_alone, {});
  EXPECT_TRUE(std::ranges::equal(grad_x.values(), grad_x_alone.values()));
}

inline void expect_loss_gradient(const Case& c, const MakeField& make, const GradientTolerances& tolerances) {
  const auto field = make(c);
  SCOPED_TRACE(c.name + ", " + field->backend());
  std::vector<float> gradient(c.parameters.size());
  const double loss = field->loss_gradient(c.t, c.x, c.target, gradient);
  EXPECT_LE(std::abs(loss - c.loss), tolerances.whole * c.loss);
  expect_gradient(c.architecture, gradient, c.grad_loss, tolerances);
}

inline void expect_gradients(const Case& c, const MakeField& make, const GradientTolerances& tolerances) {
  expect_vjp(c, make, tolerances);
  expect_loss_gradient(c, make, tolerances);
}

/// Of an implementation in float32.
inline void expect_velocity(const Case& c, const MakeField& make) {
  SCOPED_TRACE(c.name);
  const auto field = make(c);
  Configurations<float> v(c.x.count(), c.x.particles(), c.x.dim());
  field->velocity(c.t, c.x, v);
  EXPECT_LE(relative_error(std::vector<float>(v.values().begin(), v.values().end()), c.v), tolerance);
}

}  // namespace equibolt
