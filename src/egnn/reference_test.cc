#include "egnn/spec/reference.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "egnn/spec/golden.h"

namespace equibolt {
namespace {

constexpr double golden_tolerance = 1e-10;  // relative; the golden values themselves are good to 1e-12

bool is_small(const Golden& golden) {
  const Architecture& a = golden.architecture;
  return a.particles() * a.hidden * a.layers <= 500;
}

void add(std::vector<double>& sum, const std::vector<double>& terms) {
  for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += terms[k];
}

void check_velocity_loss_and_adjoint(const Golden& golden) {
  SCOPED_TRACE(golden.name);
  const Architecture& architecture = golden.architecture;
  const ParameterLayout layout(architecture);
  const std::vector<double> weights = golden.parameters("weight.");
  const auto t = golden.values("t"), x = golden.values("x"), cot_v = golden.values("cot_v");
  const auto target = golden.values("target");
  const std::size_t n = architecture.particles() * architecture.dim;

  std::vector<double> v, vjp_x, grad_loss_x, vjp(layout.size()), grad_loss(layout.size());
  double loss = 0;
  for (std::size_t b = 0; b < t.size(); ++b) {
    const auto sample = [&](const std::vector<double>& all) { return std::span(all).subspan(b * n, n); };
    const auto v_b = reference::velocity<double, double>(architecture, layout, weights, t[b], sample(x));
    std::vector<double> cot_loss(n);
    for (std::size_t k = 0; k < n; ++k) {
      const double error = v_b[k] - sample(target)[k];
      loss += error * error / static_cast<double>(x.size());
      cot_loss[k] = 2 * error / static_cast<double>(x.size());
    }
    const auto g = reference::velocity_vjp<double, double>(architecture, layout, weights, t[b], sample(x),
                                                           sample(cot_v));
    const auto g_loss =
        reference::velocity_vjp<double, double>(architecture, layout, weights, t[b], sample(x), cot_loss);
    v.insert(v.end(), v_b.begin(), v_b.end());
    vjp_x.insert(vjp_x.end(), g.x.begin(), g.x.end());
    grad_loss_x.insert(grad_loss_x.end(), g_loss.x.begin(), g_loss.x.end());
    add(vjp, g.parameters);
    add(grad_loss, g_loss.parameters);
  }
  EXPECT_LE(relative_error(v, golden.values("v")), golden_tolerance);
  EXPECT_NEAR(loss, golden.values("loss")[0], golden_tolerance);
  EXPECT_LE(relative_error(vjp_x, golden.values("vjp_x")), golden_tolerance);
  EXPECT_LE(relative_error(vjp, golden.parameters("vjp.")), golden_tolerance);
  EXPECT_LE(relative_error(grad_loss_x, golden.values("grad_loss_x")), golden_tolerance);
  EXPECT_LE(relative_error(grad_loss, golden.parameters("grad_loss.")), golden_tolerance);
}

void check_divergence(const Golden& golden) {
  SCOPED_TRACE(golden.name);
  const Architecture& architecture = golden.architecture;
  const ParameterLayout layout(architecture);
  const std::vector<double> weights = golden.parameters("weight.");
  const auto t = golden.values("t"), x = golden.values("x");
  const std::size_t n = architecture.particles() * architecture.dim;
  std::vector<double> divergences;
  for (std::size_t b = 0; b < t.size(); ++b) {
    divergences.push_back(
        reference::divergence(architecture, layout, weights, t[b], std::span(x).subspan(b * n, n)));
  }
  EXPECT_LE(relative_error(divergences, golden.values("divergence")), golden_tolerance);
}

void check_divergence_gradient(const Golden& golden) {
  SCOPED_TRACE(golden.name);
  const Architecture& architecture = golden.architecture;
  const ParameterLayout layout(architecture);
  const std::vector<double> weights = golden.parameters("weight.");
  const auto t = golden.values("t"), x = golden.values("x");
  const std::size_t n = architecture.particles() * architecture.dim;

  std::vector<double> grad_div_x, grad_div(layout.size());
  for (std::size_t b = 0; b < t.size(); ++b) {
    const auto x_b = std::span(x).subspan(b * n, n);
    const auto g = reference::divergence_gradient(architecture, layout, weights, t[b], x_b);
    grad_div_x.insert(grad_div_x.end(), g.x.begin(), g.x.end());
    add(grad_div, g.parameters);
  }
  EXPECT_LE(relative_error(grad_div_x, golden.values("grad_div_x")), golden_tolerance);
  EXPECT_LE(relative_error(grad_div, golden.parameters("grad_div.")), golden_tolerance);
}

TEST(Reference, AgreesWithSmallGoldenNetworks) {
  for (const Golden& golden : golden_networks()) {
    if (!is_small(golden)) continue;
    check_velocity_loss_and_adjoint(golden);
    check_divergence(golden);
    if (golden.has_divergence_gradient()) check_divergence_gradient(golden);
  }
}

TEST(Reference, AgreesWithLargeGoldenNetworksSlow) {
  for (const Golden& golden : golden_networks()) {
    if (is_small(golden)) continue;
    check_velocity_loss_and_adjoint(golden);
    if (!golden.has_divergence_gradient()) continue;
    check_divergence(golden);
    check_divergence_gradient(golden);
  }
}

// The complex step shares no code with the adjoint: a random direction in positions and weights at once.
TEST(Reference, AdjointAgreesWithTheComplexStep) {
  using Complex = std::complex<double>;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed, Stream::test);
    Architecture architecture;
    architecture.dim = 1 + random.below(4);
    architecture.hidden = 1 + random.below(9);
    architecture.layers = 1 + random.below(3);
    architecture.type_features = random.below(4);
    architecture.types.resize(1 + random.below(5));
    for (int& type : architecture.types) {
      if (architecture.type_features > 0) type = static_cast<int>(random.below(architecture.type_features));
    }
    const ParameterLayout layout(architecture);
    const std::size_t n = architecture.particles() * architecture.dim;
    const double t = random.uniform();
    const auto normal = [&](std::size_t size) {
      std::vector<double> values(size);
      random.fill_normal(std::span(values));
      return values;
    };
    const auto x = normal(n), along_x = normal(n), cot_v = normal(n);
    auto weights = normal(layout.size());
    const auto along_weights = normal(layout.size());

    std::vector<Complex> x_step(n), weights_step(layout.size());
    for (std::size_t k = 0; k < n; ++k) x_step[k] = {x[k], reference::complex_step * along_x[k]};
    for (std::size_t k = 0; k < layout.size(); ++k) {
      weights_step[k] = {weights[k], reference::complex_step * along_weights[k]};
    }
    const auto v = reference::velocity<Complex, Complex>(architecture, layout, weights_step, t, x_step);
    double expected = 0;
    for (std::size_t k = 0; k < n; ++k) expected += cot_v[k] * v[k].imag() / reference::complex_step;

    const auto g = reference::velocity_vjp<double, double>(architecture, layout, weights, t, x, cot_v);
    double found = 0, scale = 1e-300;
    for (std::size_t k = 0; k < n; ++k) {
      found += g.x[k] * along_x[k];
      scale += std::abs(g.x[k] * along_x[k]);
    }
    for (std::size_t k = 0; k < layout.size(); ++k) {
      found += g.parameters[k] * along_weights[k];
      scale += std::abs(g.parameters[k] * along_weights[k]);
    }
    EXPECT_LE(std::abs(found - expected) / scale, 1e-12);
  }
}

// v is translation-invariant and mean-free, so that the divergence in the mean-free subspace is that in all
// coordinates: the missing part, the sum over directions of a common shift, is zero.
TEST(Reference, DivergenceInTheMeanFreeSubspaceIsTheWholeDivergence) {
  using Complex = std::complex<double>;
  const Golden golden = golden_networks()[0];
  const ParameterLayout layout(golden.architecture);
  const std::vector<double> weights = golden.parameters("weight."), x = golden.values("x");
  const std::size_t dim = golden.architecture.dim, n = golden.architecture.particles() * dim;
  for (std::size_t k = 0; k < dim; ++k) {
    std::vector<Complex> shifted(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(n));
    for (std::size_t c = k; c < n; c += dim) shifted[c].imag(reference::complex_step);
    const auto v = reference::velocity<Complex, double>(golden.architecture, layout, weights, 0.3, shifted);
    for (std::size_t c = k; c < n; c += dim)
      EXPECT_LE(std::abs(v[c].imag()), 1e-14 * reference::complex_step);
  }
}

TEST(Reference, ExtremeArgumentsStayFinite) {
  EXPECT_EQ(reference::sigmoid(-1e30F) > 0, true);
  EXPECT_EQ(reference::sigmoid(1e30F), 1.0F);
  EXPECT_LE(std::abs(reference::silu(-1e30)), 1e-3);
  // Particles at one place, far apart, and with weights that saturate everything.
  const Architecture architecture{.types = {0, 0, 0}, .dim = 3, .hidden = 4, .layers = 2};
  const ParameterLayout layout(architecture);
  std::vector<double> weights(layout.size());
  Random random(5, Stream::test);
  random.fill_normal(std::span(weights));
  for (const double factor : {1.0, 100.0}) {
    std::vector<double> scaled = weights;
    for (double& value : scaled) value *= factor;
    for (const double length : {0.0, 1e-9, 1.0, 1e5}) {
      std::vector<double> x{0, 0, 0, 1, 2, 3, -1, 0, 2};
      for (double& value : x) value *= length;
      const auto v = reference::velocity<double, double>(architecture, layout, scaled, 0.5, x);
      const auto g = reference::velocity_vjp<double, double>(architecture, layout, scaled, 0.5, x, x);
      for (const auto* values : {&v, &g.x, &g.parameters}) {
        for (const double value : *values) EXPECT_TRUE(std::isfinite(value)) << factor << " " << length;
      }
      EXPECT_EQ(norm(std::span(v)) > 0, length > 0) << factor << " " << length;
    }
  }
}

// It has no edges: its field is zero, and so is everything that is derived from it.
TEST(Reference, ASingleParticleStaysWhereItIs) {
  const Architecture architecture{.types = {0}, .dim = 3, .hidden = 4, .layers = 2};
  const ParameterLayout layout(architecture);
  const std::vector<double> weights(layout.size(), 0.5), x{1, 2, 3}, zero(3);
  EXPECT_EQ((reference::velocity<double, double>(architecture, layout, weights, 0.5, x)), zero);
  const auto g = reference::velocity_vjp<double, double>(architecture, layout, weights, 0.5, x, x);
  EXPECT_EQ(g.x, zero);
  EXPECT_EQ(g.parameters, std::vector<double>(layout.size()));
  EXPECT_EQ(reference::divergence(architecture, layout, std::span(weights), 0.5, std::span(x)), 0);
}

}  // namespace
}  // namespace equibolt
