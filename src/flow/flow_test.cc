#include "flow/flow.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "egnn/cpu_vector_field.h"
#include "egnn/initialise.h"
#include "flow/dense_path.h"
#include "flow/integrator.h"
#include "flow/prior.h"
#include "flow/quadrature.h"
#include "flow/test_fields.h"

namespace equibolt {
namespace {

constexpr std::size_t kParticles = 4;
constexpr std::size_t kDim = 2;

Configurations<double> prior_samples(std::size_t count) {
  Configurations<double> x(count, kParticles, kDim);
  sample_prior(11, 0, x);
  return x;
}

double largest_difference(std::span<const double> a, std::span<const double> b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t k = 0; k < std::min(a.size(), b.size()); ++k) {
    const double difference = std::abs(a[k] - b[k]);
    if (std::isnan(difference)) return difference;
    largest = std::max(largest, difference);
  }
  return largest;
}

TEST(Prior, ASampleDependsOnItsIndexAlone) {
  Configurations<double> all(10, 5, 3), tail(4, 5, 3);
  sample_prior(3, 0, all);
  sample_prior(3, 6, tail);
  EXPECT_EQ(largest_difference(all.view().slice(6, 4).values(), tail.values()), 0);
}

class Convergence : public testing::TestWithParam<std::pair<Method, double>> {};

TEST_P(Convergence, FixedStepsHaveTheirOrderInPositionDivergenceAndArcLength) {
  const auto [method, order] = GetParam();
  CurvedField field;
  const auto run = [&](Method m, std::size_t steps, Configurations<double>& x) {
    IntegratorOptions options;
    options.method = m;
    options.steps = steps;
    return integrate(field, options, 0, 1, x, Divergence::exact);
  };
  Configurations<double> exact = prior_samples(8);
  const PathIntegrals exact_paths = run(Method::rk4, 2000, exact);
  double errors[3][2];
  for (int k = 0; k < 2; ++k) {
    Configurations<double> x = prior_samples(8);
    const PathIntegrals paths = run(method, 40U << k, x);
    errors[0][k] = largest_difference(x.values(), exact.values());
    errors[1][k] = largest_difference(paths.divergence, exact_paths.divergence);
    errors[2][k] = largest_difference(paths.arc_length, exact_paths.arc_length);
  }
  for (const auto& error : errors) EXPECT_NEAR(std::log2(error[0] / error[1]), order, 0.25);
}

INSTANTIATE_TEST_SUITE_P(Orders, Convergence,
                         testing::Values(std::pair{Method::euler, 1.0}, std::pair{Method::midpoint, 2.0},
                                         std::pair{Method::rk3, 3.0}, std::pair{Method::rk4, 4.0}));

TEST(Dopri5, ErrorFollowsTheToleranceAndSamplesDoNotDependOnTheirNeighbours) {
  CurvedField field;
  Configurations<double> exact = prior_samples(16);
  IntegratorOptions options;
  options.steps = 2000;
  const PathIntegrals exact_paths = integrate(field, options, 0, 1, exact, Divergence::exact);
  options.method = Method::dopri5;
  std::size_t evaluations_before = 0;
  for (const double tolerance : {1e-3, 1e-5, 1e-7, 1e-9}) {
    options.atol = options.rtol = tolerance;
    Configurations<double> x = prior_samples(16);
    const PathIntegrals paths = integrate(field, options, 0, 1, x, Divergence::exact);
    // The field stretches by up to e^3 on the way, and the errors of early steps with it.
    EXPECT_LE(largest_difference(x.values(), exact.values()), 200 * tolerance);
    EXPECT_LE(largest_difference(paths.divergence, exact_paths.divergence), 200 * tolerance);
    EXPECT_GT(paths.evaluations[0], evaluations_before);
    evaluations_before = paths.evaluations[0];
    // One at a time gives the same bits.
    Configurations<double> alone = prior_samples(16);
    for (const std::size_t b : {std::size_t{0}, std::size_t{7}}) {
      const PathIntegrals path = integrate(field, options, 0, 1, alone.view().slice(b, 1), Divergence::exact);
      EXPECT_EQ(path.divergence[0], paths.divergence[b]);
      EXPECT_EQ(path.evaluations[0], paths.evaluations[b]);
      EXPECT_EQ(largest_difference(alone[b], x[b]), 0);
    }
  }
}

TEST(Dopri5, IsOfFifthOrderInTheWorkItTakes) {
  CurvedField field;
  Configurations<double> exact = prior_samples(8);
  IntegratorOptions options;
  options.steps = 4000;
  integrate(field, options, 0, 1, exact, Divergence::skip);
  options.method = Method::dopri5;
  double error[2], evaluations[2];
  for (int k = 0; k < 2; ++k) {
    options.atol = options.rtol = k == 0 ? 1e-8 : 1e-11;
    Configurations<double> x = prior_samples(8);
    const PathIntegrals paths = integrate(field, options, 0, 1, x, Divergence::skip);
    error[k] = largest_difference(x.values(), exact.values());
    evaluations[k] = 0;
    for (const std::size_t n : paths.evaluations) evaluations[k] += static_cast<double>(n);
  }
  const double order = std::log(error[0] / error[1]) / std::log(evaluations[1] / evaluations[0]);
  EXPECT_GT(order, 4);
  EXPECT_LT(order, 7);
}

class Inverse : public testing::TestWithParam<Method> {};

TEST_P(Inverse, UndoesForwardToTolerance) {
  CurvedField field;
  IntegratorOptions options;
  options.method = GetParam();
  options.steps = 400;
  options.atol = options.rtol = 1e-8;
  const FlowSamples forward = sample_flow(field, options, 5, 0, 20, kParticles, kDim);
  const FlowSamples back = flow_density(field, options, forward.x1);
  EXPECT_GT(largest_difference(forward.x1.values(), forward.x0.values()), 0.1);
  EXPECT_LE(largest_difference(back.x0.values(), forward.x0.values()), 2e-6);
  EXPECT_LE(largest_difference(back.log_density, forward.log_density), 2e-6);
  EXPECT_LE(largest_difference(back.paths.arc_length, forward.paths.arc_length), 2e-6);
}

INSTANTIATE_TEST_SUITE_P(Methods, Inverse, testing::Values(Method::rk3, Method::rk4, Method::dopri5));

TEST(Quadrature, IsExactForPolynomialsUpToItsDegreeAndNotBeyond) {
  for (std::size_t n = 1; n <= 20; ++n) {
    for (std::size_t degree = 0; degree <= 2 * n; ++degree) {
      const Quadrature rule = gauss_legendre(n, 1, 0);
      double sum = 0;
      for (std::size_t k = 0; k < n; ++k) sum += rule.weights[k] * std::pow(rule.nodes[k], degree);
      const double error = std::abs(sum + 1 / (static_cast<double>(degree) + 1));
      if (degree < 2 * n) {
        EXPECT_LE(error, 1e-14) << n << " nodes, degree " << degree;
      } else if (n < 10) {
        EXPECT_GT(error, 1e-14) << n << " nodes, degree " << degree;
      }
    }
  }
}

TEST(Quadrature, BentNodesAreExactForPolynomialsAndBetterForWhatSteepensTowardsTheLaterEnd) {
  for (const std::size_t n : {1, 4, 11}) {
    const Quadrature rule = bent_gauss_legendre(n, 0.5, 2, 0.4), back = bent_gauss_legendre(n, 2, 0.5, 0.4);
    for (std::size_t degree = 0; degree < n; ++degree) {
      const double power = static_cast<double>(degree) + 1,
                   exact = (std::pow(2, power) - std::pow(0.5, power)) / power;
      double sum = 0, backwards = 0;
      for (std::size_t k = 0; k < n; ++k) {
        sum += rule.weights[k] * std::pow(rule.nodes[k], degree);
        backwards += back.weights[k] * std::pow(back.nodes[k], degree);
      }
      EXPECT_NEAR(sum, exact, 1e-12 * exact);
      EXPECT_NEAR(backwards, -exact, 1e-12 * exact);
    }
    for (std::size_t k = 0; k < n; ++k) EXPECT_NEAR(back.nodes[k], rule.nodes[n - 1 - k], 1e-14);
  }
  // A pole at t = 1.05.
  const auto error = [](const Quadrature& rule) {
    double sum = 0;
    for (std::size_t k = 0; k < rule.nodes.size(); ++k) sum += rule.weights[k] / (1.05 - rule.nodes[k]);
    return std::abs(sum - std::log(1.05 / 0.05));
  };
  EXPECT_LT(error(bent_gauss_legendre(12, 0, 1, 0.3)), 0.5 * error(gauss_legendre(12, 0, 1)));
}

TEST(Quadrature, KronrodsExtensionIsExactToItsDegreeAndContainsTheGaussNodes) {
  for (const std::size_t n : {1, 2, 3, 4, 7}) {
    const Quadrature rule = kronrod_extension(n, 0, 2), gauss = gauss_legendre(n, 0, 2);
    ASSERT_EQ(rule.nodes.size(), 2 * n + 1);
    for (std::size_t k = 0; k < n; ++k) EXPECT_NEAR(rule.nodes[2 * k + 1], gauss.nodes[k], 1e-14);
    // The extension of odd rules is exact for one degree more.
    const std::size_t exact = 3 * n + 1 + (n % 2), beyond = exact + 1;
    for (std::size_t degree = 0; degree <= beyond; ++degree) {
      double sum = 0;
      for (std::size_t k = 0; k < rule.nodes.size(); ++k) {
        sum += rule.weights[k] * std::pow(rule.nodes[k] - 1, degree);
      }
      const double error = std::abs(sum - (degree % 2 == 0 ? 2 / (static_cast<double>(degree) + 1) : 0));
      if (degree <= exact) {
        EXPECT_LE(error, 1e-13) << n << " nodes, degree " << degree;
      } else if (n < 7) {
        EXPECT_GT(error, 1e-7) << n << " nodes, degree " << degree;
      }
    }
  }
}

IntegratorOptions along_steps(double tolerance, double divergence_tolerance) {
  IntegratorOptions options;
  options.method = Method::dopri5;
  options.atol = options.rtol = tolerance;
  options.divergence_tolerance = divergence_tolerance;
  return options;
}

TEST(DensePath, InterpolatesToFourthOrder) {
  CurvedField field;
  // One step of dopri5 from the same point, of length h and h/2: the interpolant's error falls by 2⁵.
  double errors[2];
  for (int k = 0; k < 2; ++k) {
    const double h = k == 0 ? 0.05 : 0.025;
    Configurations<double> x = prior_samples(1), v(x);
    std::vector<std::vector<double>> stages;
    const double a[7][6] = {{},
                            {1. / 5},
                            {3. / 40, 9. / 40},
                            {44. / 45, -56. / 15, 32. / 9},
                            {19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
                            {9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
                            {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84}};
    const double c[7] = {0, 0.2, 0.3, 0.8, 8. / 9, 1, 1};
    Configurations<double> at(x);
    for (std::size_t s = 0; s < 7; ++s) {
      for (std::size_t j = 0; j < x.size(); ++j) {
        at.data()[j] = x.data()[j];
        for (std::size_t r = 0; r < s; ++r) at.data()[j] += h * a[s][r] * stages[r][j];
      }
      const std::vector<double> t{c[s] * h};
      field.velocity(t, at, v);
      stages.emplace_back(v.values().begin(), v.values().end());
    }
    const DenseStep step(0, h, x[0], at[0], [&](std::size_t s, std::size_t j) { return stages[s][j]; });
    std::vector<double> found(x.size());
    step.position(1, found);
    EXPECT_LE(largest_difference(found, at[0]), 1e-15);
    errors[k] = 0;
    for (const double theta : {0.2, 0.5, 0.7}) {
      Configurations<double> exact = prior_samples(1);
      IntegratorOptions options;
      options.steps = 200;
      integrate(field, options, 0, theta * h, exact, Divergence::skip);
      step.position(theta, found);
      errors[k] = std::max(errors[k], largest_difference(found, exact[0]));
    }
  }
  EXPECT_GT(errors[1], 1e-14);
  EXPECT_NEAR(std::log2(errors[0] / errors[1]), 5, 0.5);
}

TEST(DensePath, DivergenceAlongItAgreesWithThePlainPathWithinItsToleranceBothWays) {
  CurvedField field;
  IntegratorOptions plain;
  plain.steps = 2000;
  const FlowSamples exact = sample_flow(field, plain, 5, 0, 50, kParticles, kDim);
  std::size_t before = 0;
  for (const double tolerance : {1e-2, 1e-4, 1e-6}) {
    const IntegratorOptions options = along_steps(1e-7, tolerance);
    const FlowSamples samples = sample_flow(field, options, 5, 0, 50, kParticles, kDim);
    std::size_t divergences = 0;
    for (std::size_t b = 0; b < 50; ++b) {
      EXPECT_LE(std::abs(samples.log_density[b] - exact.log_density[b]), tolerance + 2e-5) << b;
      EXPECT_LT(samples.paths.divergences[b], samples.paths.evaluations[b]);
      divergences += samples.paths.divergences[b];
    }
    EXPECT_GE(divergences, before);
    before = divergences;
    const FlowSamples back = flow_density(field, options, samples.x1);
    EXPECT_LE(largest_difference(back.log_density, samples.log_density), 2 * (tolerance + 2e-5));
  }
}

/// ∇·v has a peak of width 0.05 that the path knows nothing of: with v = 0.
class PeakedField final : public Dynamics {
 public:
  void velocity(std::span<const double>, ConfigurationsView<const double>,
                ConfigurationsView<double> v) override {
    std::fill(v.values().begin(), v.values().end(), 0.0);
  }
  void velocity_and_divergence(std::span<const double> t, ConfigurationsView<const double> x,
                               ConfigurationsView<double> v, std::span<double> divergence) override {
    velocity(t, x, v);
    for (std::size_t b = 0; b < t.size(); ++b) divergence[b] = std::exp(-std::pow((t[b] - 0.4) / 0.05, 2));
  }
};

TEST(DensePath, RefinesWhereTheNodesAreNotEnough) {
  PeakedField field;
  const double exact = 0.05 * std::sqrt(std::numbers::pi);
  double before = 0;
  for (const double tolerance : {1e-1, 1e-4, 1e-8}) {
    Configurations<double> x = prior_samples(1);
    const PathIntegrals paths = integrate(field, along_steps(1e-6, tolerance), 0, 1, x, Divergence::exact);
    const double error = std::abs(paths.divergence[0] - exact);
    if (tolerance < 1e-2) {
      EXPECT_LE(error, tolerance);
    }
    EXPECT_LE(paths.divergence_error[0], tolerance);
    EXPECT_GE(static_cast<double>(paths.divergences[0]), before);
    before = static_cast<double>(paths.divergences[0]) + 1;
  }
}

TEST(DensePath, ASampleDoesNotDependOnItsNeighbours) {
  CurvedField field;
  for (const std::size_t nodes : {0, 12}) {
    IntegratorOptions options = along_steps(1e-5, 1e-3);
    options.divergence_nodes = nodes;
    const FlowSamples all = sample_flow(field, options, 5, 0, 40, kParticles, kDim);
    const FlowSamples some = sample_flow(field, options, 5, 7, 5, kParticles, kDim);
    for (std::size_t b = 0; b < 5; ++b) {
      EXPECT_EQ(some.log_density[b], all.log_density[7 + b]);
      EXPECT_EQ(some.paths.divergences[b], all.paths.divergences[7 + b]);
      EXPECT_EQ(largest_difference(some.x1[b], all.x1[7 + b]), 0);
    }
  }
}

TEST(Hutchinson, IsUnbiasedWithTheVarianceOfItsProbesAndDependsOnTheSampleAlone) {
  Architecture architecture;
  architecture.types = ParticleTypes(4);
  architecture.hidden = 8;
  architecture.layers = 2;
  std::vector<float> parameters = initial_parameters(architecture, 3);
  for (float& value : parameters) value *= 2;
  ThreadPool pool(1);
  const auto network = make_cpu_vector_field(architecture, parameters, pool);
  constexpr std::size_t count = 3;
  Configurations<double> x(count, 4, 3), v(x);
  sample_prior(2, 0, x);
  const std::vector<double> t{0.2, 0.5, 0.9};
  std::vector<double> exact(count), estimate(count), tail(1);
  NetworkDynamics(*network).velocity_and_divergence(t, x, v, exact);
  // For ε = ±1 the variance of one probe is Σ_{j≠k} S_jk², S the symmetric part of the Jacobian times √2.
  const PreciseField precise(architecture, parameters);
  for (std::size_t b = 0; b < count; ++b) {
    double jacobian[12][12], variance = 0;
    for (std::size_t k = 0; k < 12; ++k) {
      std::vector<double> moved(x[b].begin(), x[b].end()), high(12), low(12);
      moved[k] += 1e-5;
      precise.velocity(t[b], moved, high);
      moved[k] -= 2e-5;
      precise.velocity(t[b], moved, low);
      for (std::size_t j = 0; j < 12; ++j) jacobian[j][k] = (high[j] - low[j]) / 2e-5;
    }
    for (std::size_t j = 0; j < 12; ++j) {
      for (std::size_t k = 0; k < 12; ++k) {
        if (j != k) variance += std::pow(jacobian[j][k] + jacobian[k][j], 2) / 2;
      }
    }
    // The mean of squared errors over many estimates, each with configurations that differ in the last bits.
    double bias = 0, square = 0;
    constexpr std::size_t repetitions = 4000, probes = 2;
    NetworkDynamics noisy(*network, probes);
    Configurations<double> many(repetitions, 4, 3), many_v(many);
    std::vector<double> times(repetitions, t[b]), estimates(repetitions);
    for (std::size_t r = 0; r < repetitions; ++r) {
      for (std::size_t j = 0; j < 12; ++j) many[r][j] = x[b][j];
      many[r][0] += 1e-6 * static_cast<double>(r);
    }
    noisy.velocity_and_divergence(times, many, many_v, estimates);
    for (const double e : estimates) {
      bias += (e - exact[b]) / repetitions;
      square += (e - exact[b]) * (e - exact[b]) / repetitions;
    }
    const double expected = variance / probes;
    ASSERT_GT(expected, 1e-6);
    EXPECT_LE(std::abs(bias), 4 * std::sqrt(expected / repetitions));
    EXPECT_NEAR(square / expected, 1, 0.15);
  }
  NetworkDynamics noisy(*network, 3);
  noisy.velocity_and_divergence(t, x, v, estimate);
  noisy.velocity_and_divergence(std::span(t).subspan(2), x.view().slice(2, 1), v.view().slice(2, 1), tail);
  EXPECT_EQ(tail[0], estimate[2]);
}

TEST(Flow, DivergenceByNodesConvergesToTheSameDensityBothWays) {
  CurvedField field;
  IntegratorOptions options;
  options.steps = 400;
  const FlowSamples exact = sample_flow(field, options, 5, 0, 20, kParticles, kDim);
  EXPECT_EQ(exact.paths.divergences[0], 1600U);
  double before = 1;
  options.divergence_bend = 0.2;
  for (const std::size_t nodes : {4, 8, 16}) {
    options.divergence_nodes = nodes;
    const FlowSamples samples = sample_flow(field, options, 5, 0, 20, kParticles, kDim);
    EXPECT_EQ(samples.paths.divergences[0], nodes);
    EXPECT_LE(largest_difference(samples.x1.values(), exact.x1.values()), 1e-8);
    const double error = largest_difference(samples.log_density, exact.log_density);
    EXPECT_LE(error, 0.1 * before);
    before = error;
    const FlowSamples back = flow_density(field, options, samples.x1);
    EXPECT_LE(largest_difference(back.log_density, samples.log_density), 1e-8);
  }
  EXPECT_LE(before, 1e-6);
}

/// Straight paths, but for those that start on the right: these are shaken about t = 0.4.
class ShakenField final : public TestField {
 public:
  void velocity_and_divergence(std::span<const double> t, ConfigurationsView<const double> x,
                               ConfigurationsView<double> v, std::span<double> divergence) override {
    const double coordinates = static_cast<double>(x.coordinates());
    for (std::size_t b = 0; b < t.size(); ++b) {
      const double shake = x[b][0] > 0 ? 1.5 * std::exp(-std::pow((t[b] - 0.4) / 0.12, 2)) : 0;
      const double rate = 0.1 + shake;
      for (std::size_t j = 0; j < x.coordinates(); ++j) v[b][j] = rate * x[b][j];
      divergence[b] = rate * coordinates;
    }
  }
};

TEST(Flow, SamplesThatBendTooMuchAreIntegratedAgainAndTheOthersAreNot) {
  ShakenField field;
  const double coordinates = kParticles * kDim;
  const double shaken =
      1.5 * 0.12 * std::sqrt(std::numbers::pi) / 2 * (std::erf(0.6 / 0.12) + std::erf(0.4 / 0.12));
  for (const Method method : {Method::rk3, Method::rk4}) {
    for (const auto& [begin, end] : {std::pair{0.0, 1.0}, std::pair{1.0, 0.0}}) {
      IntegratorOptions options;
      options.method = method;
      options.steps = 12;
      options.divergence_nodes = 12;
      const auto errors = [&](Configurations<double>& x, PathIntegrals& paths) {
        const Configurations<double> before = prior_samples(20);
        x = before;
        paths = integrate(field, options, begin, end, x, Divergence::exact);
        std::vector<double> found, exact;
        for (std::size_t b = 0; b < 20; ++b) {
          const double rate = (end - begin) * (0.1 + (before[b][0] > 0 ? shaken : 0));
          found.insert(found.end(), {paths.divergence[b], x[b][0]});
          exact.insert(exact.end(), {coordinates * rate, before[b][0] * std::exp(rate)});
        }
        return largest_difference(found, exact);
      };
      Configurations<double> x, plain_x;
      PathIntegrals paths, plain;
      const double coarse = errors(plain_x, plain);
      options.refine_above = 0.15;
      EXPECT_LE(errors(x, paths), 0.2 * coarse);
      std::size_t again = 0;
      for (std::size_t b = 0; b < 20; ++b) {
        EXPECT_LE(paths.velocity_bend[b], 0.15);
        if (plain.velocity_bend[b] <= 0.15) {
          EXPECT_EQ(paths.divergences[b], 12U);
          EXPECT_EQ(paths.divergence[b], plain.divergence[b]);
          EXPECT_EQ(largest_difference(x[b], plain_x[b]), 0);
          continue;
        }
        ++again;
        EXPECT_GE(paths.divergences[b], 12U + 16U);
        Configurations<double> alone(1, kParticles, kDim);
        const Configurations<double> before = prior_samples(20);
        std::copy(before[b].begin(), before[b].end(), alone[0].begin());
        const PathIntegrals one = integrate(field, options, begin, end, alone, Divergence::exact);
        EXPECT_EQ(one.divergence[0], paths.divergence[b]);
        EXPECT_EQ(one.evaluations[0], paths.evaluations[b]);
        EXPECT_EQ(largest_difference(alone[0], x[b]), 0);
      }
      EXPECT_GT(again, 0U);
      EXPECT_LT(again, 20U);
    }
  }
}

TEST(Flow, OfTheHarmonicSystemHasItsClosedFormDensity) {
  const double s = 0.6;
  GaussianField field(s);
  for (const Method method : {Method::rk4, Method::dopri5}) {
    IntegratorOptions options;
    options.method = method;
    options.steps = 50;
    options.atol = options.rtol = 1e-8;
    const FlowSamples samples = sample_flow(field, options, 5, 0, 50, kParticles, kDim);
    const double freedom = (kParticles - 1) * kDim;
    for (std::size_t b = 0; b < 50; ++b) {
      double square = 0;
      for (const double value : samples.x1[b]) square += value * value;
      // Without the prior's constant: the normalised density has −(d/2) ln 2π more.
      const double log_density = -0.5 * square / (s * s) - freedom * std::log(s);
      EXPECT_NEAR(samples.log_density[b], log_density, 1e-6);
      EXPECT_NEAR(samples.paths.arc_length[b], samples.paths.displacement[b], 1e-6);  // straight paths
      for (std::size_t j = 0; j < 8; ++j) EXPECT_NEAR(samples.x1[b][j], s * samples.x0[b][j], 1e-6);
    }
  }
}

/// Sends particles to infinity in finite time when they start far out: dx/dt = 8 u³.
class ExplodingField final : public ElementwiseField {
  double amplitude(double) const override { return 8; }
  double f(double u) const override { return u * u * u; }
  double slope(double u) const override { return 3 * u * u; }
};

TEST(Flow, AFailedPathIsReportedAndLeavesTheOthersAlone) {
  ExplodingField field;
  for (const Method method : {Method::rk4, Method::dopri5}) {
    IntegratorOptions options;
    options.method = method;
    options.steps = 200;
    options.max_steps = 500;
    Configurations<double> x(2, 2, 1);
    x[0][0] = 3, x[0][1] = -3;
    x[1][0] = 0.1, x[1][1] = -0.1;
    const PathIntegrals paths = integrate(field, options, 0, 1, x, Divergence::exact);
    EXPECT_NE(paths.status[0], IntegrationStatus::ok);
    EXPECT_EQ(paths.status[1], IntegrationStatus::ok);
    for (const double value : x.values()) EXPECT_TRUE(std::isfinite(value));
    // u(t) = u0 / sqrt(1 − 16 u0² t)
    EXPECT_NEAR(x[1][0], 0.1 / std::sqrt(1 - 0.16), 1e-4);
  }
}

}  // namespace
}  // namespace equibolt
