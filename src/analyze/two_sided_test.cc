#include "analyze/two_sided.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "analyze/free_energy.h"
#include "analyze/weights.h"
#include "core/random.h"

namespace equibolt {
namespace {

const double infinity = std::numeric_limits<double>::infinity();
constexpr double kLogZ = 3.25;

/// The flow is N(0, 1), the target N(a, 1) with Z = e^kLogZ, so that ln w = kLogZ + a x − a²/2.
struct ShiftedGaussians {
  double a = 1;
  double log_weight(double x) const { return kLogZ + a * x - a * a / 2; }

  std::vector<double> of_flow(std::size_t n, Random& random) const {
    std::vector<double> log_weights(n);
    for (double& w : log_weights) w = log_weight(random.normal());
    return log_weights;
  }
  /// An autoregressive series, x_t − a = ρ (x_{t−1} − a) + …; its τ is (1 + ρ)/(1 − ρ).
  std::vector<double> of_target(std::size_t n, Random& random, double rho = 0) const {
    std::vector<double> log_weights(n);
    double y = random.normal();
    for (double& w : log_weights) {
      w = log_weight(a + y);
      y = rho * y + std::sqrt(1 - rho * rho) * random.normal();
    }
    return log_weights;
  }
  /// ∫ p μ/(ν₀ p + ν₁ μ) dx by the trapezoidal rule.
  double overlap(double nu0, double nu1) const {
    double sum = 0;
    constexpr double h = 0.01;
    for (double x = -9; x < a + 9; x += h) {
      const double p = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
      const double mu = std::exp(-(x - a) * (x - a) / 2) / std::sqrt(2 * std::numbers::pi);
      sum += h * p * mu / (nu0 * p + nu1 * mu);
    }
    return sum;
  }
  /// The least variance of any estimate from n₀ and n₁ samples (Bennett 1976, eq. 10).
  double variance(double n0, double n1) const {
    const double n = n0 + n1;
    return n / (n0 * n1) * (1 / overlap(n0 / n, n1 / n) - 1);
  }
};

/// Mean square and outliers of (estimate − exact)/error over repetitions.
struct Scores {
  double squares = 0;
  int within = 0, count = 0;
  void add(const Estimate& estimate, double exact) {
    const double z = (estimate.value - exact) / estimate.error;
    squares += z * z;
    within += std::abs(z) < 1.96;
    ++count;
  }
  double deviation() const { return std::sqrt(squares / count); }
  double coverage() const { return static_cast<double>(within) / count; }
};

TEST(TwoSided, OfGaussiansHasTheExactValueErrorAndOverlap) {
  for (const double a : {0.3, 1.0, 2.0, 3.0}) {
    const ShiftedGaussians pair{a};
    Random random(41, Stream::test, static_cast<std::uint64_t>(10 * a));
    const TwoSided result = two_sided_log_z(pair.of_flow(40000, random), pair.of_target(10000, random));
    ASSERT_TRUE(result.log_z) << result.refusal;
    const double exact_error = std::sqrt(pair.variance(40000, 10000));
    EXPECT_NEAR(result.log_z->value, kLogZ, 4 * exact_error) << a;
    EXPECT_NEAR(result.log_z->error, exact_error, 0.1 * exact_error) << a;
    EXPECT_NEAR(result.bootstrap_error, exact_error, 0.35 * exact_error) << a;
    EXPECT_NEAR(result.overlap, pair.overlap(1, 1), 0.01) << a;
    EXPECT_NEAR(result.inefficiency, 1, 0.2) << a;
  }
}

TEST(TwoSided, IsBennettsEstimateForIndependentSamples) {
  const ShiftedGaussians pair{1.5};
  Random random(42, Stream::test);
  std::vector<double> flow = pair.of_flow(300, random);
  const std::vector<double> target = pair.of_target(200, random);
  flow[7] = -infinity;
  std::vector<double> work = flow;
  for (double& w : work) w = -w;
  const TwoSided result = two_sided_log_z(flow, target);
  const Estimate bennett = bar(work, target);
  // The inefficiency that is found is not exactly 1.
  EXPECT_NEAR(result.log_z->value, -bennett.value, 0.1 * bennett.error);
  EXPECT_NEAR(result.log_z->error, bennett.error, 0.1 * bennett.error);
}

TEST(TwoSided, ErrorsAreHonestForFewAndCorrelatedSamples) {
  for (const double a : {0.5, 1.5, 2.5}) {
    for (const double rho : {0.0, 0.8}) {
      const ShiftedGaussians pair{a};
      Scores scores, as_if_independent;
      for (std::uint64_t r = 0; r < 150; ++r) {
        Random random(43, Stream::test, r, static_cast<std::uint64_t>(10 * a));
        const TwoSided result = two_sided_log_z(pair.of_flow(500, random), pair.of_target(500, random, rho));
        if (!result.log_z) continue;
        scores.add(*result.log_z, kLogZ);
        as_if_independent.add({result.log_z->value, std::sqrt(pair.variance(500, 500))}, kLogZ);
      }
      EXPECT_GT(scores.count, 120) << a << " " << rho;
      EXPECT_NEAR(scores.deviation(), 1, 0.25) << a << " " << rho;
      EXPECT_GE(scores.coverage(), 0.90) << a << " " << rho;
      EXPECT_LE(scores.coverage(), 0.99) << a << " " << rho;
      if (rho > 0) {
        EXPECT_GT(as_if_independent.deviation(), 1.25) << a;
      }
    }
  }
}

TEST(TwoSided, RefusesWhereNothingOverlaps) {
  Random random(44, Stream::test);
  for (const double a : {7.0, 12.0, 200.0}) {
    const ShiftedGaussians pair{a};
    const TwoSided result = two_sided_log_z(pair.of_flow(1000, random), pair.of_target(1000, random));
    EXPECT_FALSE(result.log_z) << a;
    EXPECT_LT(result.effective, TwoSided::least_effective) << a;
    EXPECT_LT(result.overlap, 0.01) << a;
    EXPECT_NE(result.refusal.find("hardly overlap"), std::string::npos) << result.refusal;
  }
  const std::vector<double> none(100, -infinity), some(100, 0.0);
  EXPECT_NE(two_sided_log_z(none, some).refusal.find("weight zero"), std::string::npos);
  EXPECT_NE(two_sided_log_z(some, {}).refusal.find("no samples of the target"), std::string::npos);
}

TEST(TwoSided, NumbersThatAreNoneAreErrors) {
  const std::vector<double> good(100, 0.0);
  for (const double bad : {std::nan(""), infinity}) {
    std::vector<double> wrong = good;
    wrong[5] = bad;
    EXPECT_THROW(two_sided_log_z(wrong, good), NumericalError);
    EXPECT_THROW(two_sided_log_z(good, wrong), NumericalError);
  }
}

TEST(TwoSided, AModeThatTheFlowMissesIsNotMissed) {
  // Half the target's samples lie where the flow has almost no density. The weights of the flow's samples see
  // half of Z and no reason for doubt.
  const ShiftedGaussians pair{0.5};
  Random random(45, Stream::test);
  std::vector<double> flow = pair.of_flow(4000, random);
  for (double& w : flow) w -= std::log(2);
  std::vector<double> target = pair.of_target(4000, random);
  for (std::size_t k = 0; k < target.size(); ++k) target[k] = k % 2 == 0 ? target[k] - std::log(2) : 60;
  EXPECT_NEAR(log_mean_weight(flow).value, kLogZ - std::log(2), 0.1);
  const TwoSided result = two_sided_log_z(flow, target);
  ASSERT_TRUE(result.log_z) << result.refusal;
  EXPECT_NEAR(result.log_z->value, kLogZ, 5 * result.log_z->error);
  EXPECT_LT(result.log_z->error, 0.1);
}

TEST(TwoSidedFreeEnergies, NeedNoCrossingsAndHaveHonestErrors) {
  // Two states with their own shifts. Z_state/Z_rest = e^-1.2; the flow has 0.2 of its samples in the state;
  // the target's samples are half and half.
  const double log_ratio = -1.2, share = 0.2;
  const ShiftedGaussians rest{0.8}, state{1.4};
  Scores scores;
  for (std::uint64_t r = 0; r < 200; ++r) {
    Random random(46, Stream::test, r);
    std::vector<double> flow, target;
    std::vector<char> flow_in, target_in;
    // Z_s = Z P(s) e^(c_s − ln Z): what the normalised weights within a state must be off by.
    const double shift_rest = -std::log(1 - share), shift_state = log_ratio - std::log(share);
    for (int k = 0; k < 2000; ++k) {
      const bool in = random.uniform() < share;
      flow_in.push_back(in);
      flow.push_back((in ? state : rest).of_flow(1, random)[0] + (in ? shift_state : shift_rest));
    }
    for (int k = 0; k < 600; ++k) {
      const bool in = k >= 300;
      target_in.push_back(in);
      target.push_back((in ? state : rest).of_target(1, random)[0] + (in ? shift_state : shift_rest));
    }
    const auto result = two_sided_free_energy({flow, flow_in}, {target, target_in});
    ASSERT_TRUE(result.free_energy) << result.refusal;
    scores.add(*result.free_energy, -log_ratio);
  }
  EXPECT_NEAR(scores.deviation(), 1, 0.25);
  EXPECT_GE(scores.coverage(), 0.90);
}

TEST(TwoSidedFreeEnergies, RefuseAStateThatOneSideDoesNotHave) {
  const ShiftedGaussians pair{0.5};
  Random random(47, Stream::test);
  const auto flow = pair.of_flow(200, random), target = pair.of_target(200, random);
  std::vector<char> half(200, 0);
  for (std::size_t k = 0; k < 100; ++k) half[k] = 1;
  const std::vector<char> none(200, 0);
  const auto refusal = [&](const std::vector<char>& a, const std::vector<char>& b) {
    return two_sided_free_energy({flow, a}, {target, b}).refusal;
  };
  EXPECT_EQ(refusal(half, half), "");
  EXPECT_EQ(refusal(none, half), "no sample of the flow lies in the state");
  EXPECT_EQ(refusal(half, none), "no sample of the target lies in the state");
  EXPECT_THROW(refusal(std::vector<char>(3), half), DataError);
}

}  // namespace
}  // namespace equibolt
