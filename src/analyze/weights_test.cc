#include "analyze/weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "analyze/log_space.h"
#include "core/random.h"

namespace equibolt {
namespace {

const double infinity = std::numeric_limits<double>::infinity();

std::vector<double> logs(std::vector<double> weights) {
  for (double& weight : weights) weight = std::log(weight);
  return weights;
}

/// ln w of n samples of a unit Gaussian reweighted to one of variance 1/s: w = exp(−(s − 1) x² / 2). Then
/// E[w] = s^(−1/2), E[w²] = (2s − 1)^(−1/2), and for s < 1 P(w > y) ~ y^(−1/(1 − s)), so that k = 1 − s.
std::vector<double> gaussian_log_weights(double s, std::size_t n, std::uint64_t number,
                                         std::vector<double>* x = {}) {
  Random random(31, Stream::test, number);
  std::vector<double> log_weights(n);
  for (double& value : log_weights) {
    const double z = random.normal();
    if (x) x->push_back(z);
    value = -(s - 1) * z * z / 2;
  }
  return log_weights;
}

TEST(Weights, SmallExamplesByHand) {
  EXPECT_NEAR(kish_fraction(logs({1, 1, 1, 1})), 1, 1e-15);
  EXPECT_NEAR(kish_fraction(logs({1, 0, 0, 0})), 0.25, 1e-15);
  EXPECT_NEAR(kish_fraction(logs({3, 1, 0, 0})), 16.0 / 40, 1e-15);
  EXPECT_NEAR(largest_share(logs({3, 1, 0, 0})), 0.75, 1e-15);
  EXPECT_NEAR(log_mean_weight(logs({3, 1, 0, 0})).value, 0, 1e-15);
  // Var = (4 + 0 + 1 + 1) / 3, over 4 for the mean.
  EXPECT_NEAR(log_mean_weight(logs({3, 1, 0, 0})).error, std::sqrt(0.5), 1e-14);
  EXPECT_NEAR(log_sum_exp(logs({3, 1, 0, 0})), std::log(4), 1e-15);
  const Estimate mean = reweighted_mean(logs({3, 1, 0, 0}), std::vector<double>{1, 5, std::nan(""), 7});
  EXPECT_NEAR(mean.value, 2, 1e-15);
  EXPECT_NEAR(mean.error, std::sqrt((9.0 + 9.0) / 16 * 4 / 3), 1e-14);
  // w = 1, 4: (Σ w) (Σ 1/w) = 5 · 5/4.
  EXPECT_NEAR(forward_kish_fraction(logs({1, 4})), 4 / 6.25, 1e-15);
}

TEST(Weights, AConstantFactorMattersToLogZAlone) {
  auto log_weights = gaussian_log_weights(0.8, 5000, 1);
  const double fraction = kish_fraction(log_weights);
  const double share = largest_share(log_weights);
  const double forward = forward_kish_fraction(log_weights);
  const double k = pareto_k(log_weights);
  const Estimate log_z = log_mean_weight(log_weights);
  for (const double c : {-5000.0, 300000.0}) {
    auto shifted = log_weights;
    for (double& value : shifted) value += c;
    EXPECT_NEAR(kish_fraction(shifted), fraction, 1e-8);
    EXPECT_NEAR(largest_share(shifted), share, 1e-8);
    EXPECT_NEAR(forward_kish_fraction(shifted), forward, 1e-8);
    EXPECT_NEAR(pareto_k(shifted), k, 1e-6);
    EXPECT_NEAR(log_mean_weight(shifted).value, log_z.value + c, 1e-8);
    EXPECT_NEAR(log_mean_weight(shifted).error, log_z.error, 1e-8);
  }
}

TEST(Weights, GaussiansHaveTheirExactValuesWithHonestErrors) {
  const double s = 1.7;
  const double exact_fraction = std::sqrt(2 * s - 1) / s;
  const int repetitions = 200;
  double fraction_z = 0, log_z_z = 0, mean_z = 0;
  for (int r = 0; r < repetitions; ++r) {
    std::vector<double> x;
    const auto log_weights = gaussian_log_weights(s, 1000, 10 + static_cast<std::uint64_t>(r), &x);
    for (double& value : x) value *= value;
    const Estimate fraction = kish_fraction(log_weights, {.seed = 5, .repetitions = 60});
    const Estimate log_z = log_mean_weight(log_weights);
    const Estimate square = reweighted_mean(log_weights, x);
    fraction_z += std::pow((fraction.value - exact_fraction) / fraction.error, 2) / repetitions;
    log_z_z += std::pow((log_z.value + 0.5 * std::log(s)) / log_z.error, 2) / repetitions;
    mean_z += std::pow((square.value - 1 / s) / square.error, 2) / repetitions;
  }
  EXPECT_NEAR(std::sqrt(fraction_z), 1, 0.25);
  EXPECT_NEAR(std::sqrt(log_z_z), 1, 0.22);
  EXPECT_NEAR(std::sqrt(mean_z), 1, 0.22);
}

/// Log-normal weights, ln w ~ N(0, s²): their fraction is e^(−s²), and their tail is what Σ w² depends on.
std::vector<double> log_normal(double s, std::size_t n, std::uint64_t number) {
  Random random(35, Stream::test, number);
  std::vector<double> log_weights(n);
  for (double& value : log_weights) value = s * random.normal();
  return log_weights;
}

TEST(Weights, TheErrorOfTheFractionIncludesTheTailThatWasNotDrawn) {
  for (const auto& [variance, n] : {std::pair{0.05, 300}, {1.0, 300}, {1.6, 200}, {1.6, 1000}, {3.0, 500}}) {
    std::vector<double> fractions, errors, plain_errors;
    for (std::uint64_t r = 0; r < 120; ++r) {
      const auto log_weights = log_normal(std::sqrt(variance), static_cast<std::size_t>(n), r);
      const Estimate fraction = kish_fraction(log_weights, {.seed = r, .repetitions = 50});
      fractions.push_back(fraction.value);
      errors.push_back(fraction.error);
      const auto resampled = [&](std::span<const std::size_t> indices) {
        std::vector<double> drawn;
        for (const std::size_t k : indices) drawn.push_back(log_weights[k]);
        return kish_fraction(drawn);
      };
      plain_errors.push_back(bootstrap_error(log_weights.size(), resampled, {.seed = r, .repetitions = 30}));
    }
    const double centre = average(fractions);
    double squares = 0, plain_squares = 0, within = 0;
    for (std::size_t r = 0; r < fractions.size(); ++r) {
      const double z = (fractions[r] - centre) / errors[r];
      squares += z * z / 120;
      within += std::abs(z) < 1.96 ? 1.0 / 120 : 0;
      plain_squares += std::pow((fractions[r] - centre) / plain_errors[r], 2) / 120;
    }
    EXPECT_LT(std::sqrt(squares), 1.2) << variance << " " << n;
    EXPECT_GT(std::sqrt(squares), 0.5) << variance << " " << n;
    EXPECT_GE(within, 0.9) << variance << " " << n;
    if (variance > 1) {
      EXPECT_GT(std::sqrt(plain_squares), 1.3) << variance << " " << n;
    }
  }
}

TEST(Weights, TheTrimmedFractionIsThatOfATruncatedLogNormal) {
  // ESS 1.4 %: without the largest 0.2 % it is 8.4 % (s² = 4.27; integrals of the normal distribution).
  const auto phi = [](double z) { return 0.5 * std::erfc(-z / std::sqrt(2)); };
  const double s = std::sqrt(-std::log(0.014)), cut = 2.878162;
  const double exact = std::pow(phi(cut - s), 2) / (std::exp(s * s) * phi(cut - 2 * s) * 0.998);
  EXPECT_NEAR(exact, 0.084, 0.001);
  EXPECT_NEAR(trimmed_kish_fraction(log_normal(s, 400000, 1)), exact, 0.003);
  EXPECT_NEAR(trimmed_kish_fraction(logs({1, 1, 1, 50}), 0.25), 1, 1e-15);
  EXPECT_NEAR(trimmed_kish_fraction(logs({1, 1, 1, 50}), 0), kish_fraction(logs({1, 1, 1, 50})), 1e-15);
  EXPECT_THROW((void)trimmed_kish_fraction(logs({1, 2}), 1), DataError);
}

TEST(WeightVerdicts, NameTheReason) {
  const auto verdict = [](const std::vector<double>& log_weights, std::optional<double> forward) {
    return weight_verdict(weight_quality(log_weights), kish_against_size(log_weights), forward);
  };
  const WeightVerdict good = verdict(log_normal(0.3, 2000, 1), 0.91);
  EXPECT_TRUE(good.trusted) << good.text;
  EXPECT_NE(good.text.find("% as seen from the target"), std::string::npos) << good.text;
  EXPECT_TRUE(verdict(log_normal(0.3, 2000, 1), {}).trusted);
  const auto expect_doubt = [](const WeightVerdict& bad, const char* reason) {
    EXPECT_FALSE(bad.trusted);
    EXPECT_NE(bad.text.find("cannot be trusted, because"), std::string::npos) << bad.text;
    EXPECT_NE(bad.text.find(reason), std::string::npos) << bad.text;
  };
  expect_doubt(verdict(log_normal(0.3, 2000, 1), 0.02), "hardly visits a part of the target");
  expect_doubt(verdict(log_normal(0.3, 2000, 1), std::nan("")), "hardly visits a part of the target");
  expect_doubt(verdict(log_normal(4, 2000, 1), {}), "because");
  const std::vector<FractionAtSize> falling{{4000, {0.2, 0.01}}, {2000, {0.25, 0.01}}, {1000, {0.3, 0.01}}};
  expect_doubt(weight_verdict({800, 0.5}, falling, {}), "falls as n grows");
  expect_doubt(weight_verdict({30, 0.5}, std::vector<FractionAtSize>{{100, {0.3, 0.1}}}, {}), "too few");
  expect_doubt(weight_verdict({800, 0.8}, falling, {}), "Pareto k");
}

TEST(Weights, TheForwardFractionIsTheOneOfTheFlowsSamples) {
  const double s = 1.7;
  Random random(32, Stream::test);
  std::vector<double> log_weights(200000);
  for (double& value : log_weights) {
    const double x = random.normal() / std::sqrt(s);  // a sample of the target
    value = -(s - 1) * x * x / 2;
  }
  EXPECT_NEAR(forward_kish_fraction(log_weights), std::sqrt(2 * s - 1) / s, 0.01);
}

TEST(Weights, TheForwardFractionFindsAModeThatTheFlowMisses) {
  // Half the target's samples lie where the flow has density e^(−40) of what it should have.
  std::vector<double> log_weights(1000, 0.0);
  for (std::size_t k = 500; k < 1000; ++k) log_weights[k] = 40;
  EXPECT_LT(forward_kish_fraction(log_weights), 1e-16);
}

TEST(Weights, ParetoShapeOfKnownTails) {
  for (const double k : {0.2, 0.5, 0.8, 1.2}) {
    double mean = 0;
    const int repetitions = 8;
    for (std::uint64_t r = 0; r < repetitions; ++r) {
      Random random(33, Stream::test, r);
      std::vector<double> log_weights(20000);
      for (double& value : log_weights) value = -k * std::log(random.uniform());  // P(w > y) = y^(−1/k)
      mean += pareto_k(log_weights) / repetitions;
    }
    // The tail has 425 values, each estimate the error (1 + k) / √425; the prior pulls k by (k − ½) · 10/435.
    const double expected = k + (0.5 - k) * 10 / 435;
    EXPECT_NEAR(mean, expected, 4 * (1 + k) / std::sqrt(425 * repetitions)) << k;
  }
  EXPECT_NEAR(pareto_k(gaussian_log_weights(0.5, 100000, 3)), 0.5, 0.15);
  // Bounded weights, whose tail ends: k < 0.
  EXPECT_LT(pareto_k(gaussian_log_weights(1.7, 100000, 4)), 0);
  // Far beyond the range of a double.
  std::vector<double> wild(1000);
  for (std::size_t n = 0; n < wild.size(); ++n) wild[n] = 100 * static_cast<double>(n);
  EXPECT_GT(pareto_k(wild), 1);
  EXPECT_EQ(pareto_k(std::vector<double>(1000, -3.0)), 0);
}

TEST(Weights, ZeroWeightsCountButNoMoreThanThat) {
  auto log_weights = gaussian_log_weights(1.5, 4000, 5);
  const double fraction = kish_fraction(log_weights);
  const double k = pareto_k(log_weights);
  log_weights.resize(8000, -infinity);
  EXPECT_NEAR(kish_fraction(log_weights), fraction / 2, 1e-12);
  EXPECT_EQ(pareto_k(log_weights), k);

  const std::vector<double> none(30, -infinity);
  EXPECT_EQ(kish_fraction(none), 0);
  EXPECT_EQ(largest_share(none), 1);
  EXPECT_THROW(log_mean_weight(none), NumericalError);
  EXPECT_THROW(kish_fraction(none, Bootstrap{}), NumericalError);
  EXPECT_EQ(pareto_k(none), infinity);
  EXPECT_EQ(forward_kish_fraction(none), 0);
  EXPECT_EQ(forward_kish_fraction(std::vector<double>{0, -infinity}), 0);
  EXPECT_THROW(reweighted_mean(none, std::vector<double>(30)), NumericalError);
}

TEST(WeightQualities, OneSampleWithAllTheWeightHasNoErrorBar) {
  // The formulas for the errors see no spread.
  std::vector<double> log_weights = gaussian_log_weights(1.5, 1000, 8);
  log_weights[17] = 400;
  EXPECT_LT(reweighted_mean(log_weights, gaussian_log_weights(1.5, 1000, 9)).error, 1e-9);
  const WeightQuality quality = weight_quality(log_weights);
  EXPECT_NEAR(quality.effective, 1, 1e-9);
  EXPECT_NE(quality.doubt().find("worth 1.0 samples"), std::string::npos) << quality.doubt();
  EXPECT_EQ(quality.judged({3, 1e-12}).value, 3);
  EXPECT_EQ(quality.judged({3, 1e-12}).error, infinity);
}

TEST(WeightQualities, HeavyTailsAndTooFewWeightsHaveNoErrorBar) {
  Random random(34, Stream::test);
  std::vector<double> heavy(20000);
  for (double& value : heavy) value = -0.95 * std::log(random.uniform());  // k = 0.95
  const WeightQuality quality = weight_quality(heavy);
  EXPECT_GT(quality.pareto_k, 0.7);
  EXPECT_GE(quality.effective, 10);
  EXPECT_NE(quality.doubt().find("Pareto"), std::string::npos);
  EXPECT_FALSE(weight_quality(std::vector<double>(24, 0.0)).doubt().empty());
  EXPECT_FALSE(weight_quality(std::vector<double>(1000, -infinity)).doubt().empty());
}

TEST(WeightQualities, GoodWeightsKeepTheirError) {
  for (const double s : {0.6, 1.0, 1.7}) {
    const WeightQuality quality = weight_quality(gaussian_log_weights(s, 1000, 10));
    EXPECT_EQ(quality.doubt(), "") << s;
    EXPECT_EQ(quality.judged({3, 0.5}).error, 0.5);
  }
  EXPECT_EQ(weight_quality(std::vector<double>(25, 0.0)).doubt(), "");
}

TEST(Weights, NaNAndInfinityAreErrorsThatNameTheSample) {
  for (const double bad : {std::nan(""), infinity}) {
    const std::vector<double> log_weights = {0, 1, bad};
    try {
      kish_fraction(log_weights);
      FAIL();
    } catch (const NumericalError& error) {
      EXPECT_NE(std::string(error.what()).find("sample 2"), std::string::npos);
    }
    EXPECT_THROW(pareto_k(log_weights), NumericalError);
    EXPECT_THROW(forward_kish_fraction(log_weights), NumericalError);
  }
  EXPECT_THROW(kish_fraction(std::vector<double>{}), DataError);
  EXPECT_THROW(reweighted_mean(logs({1, 1}), std::vector<double>{1, std::nan("")}), NumericalError);
  EXPECT_THROW(reweighted_mean(logs({1, 1}), std::vector<double>{1}), DataError);
}

TEST(Weights, AgainstSizeHeavyTailsFallAndLightOnesDoNot) {
  const auto light = kish_against_size(gaussian_log_weights(1.5, 12800, 6));
  ASSERT_EQ(light.size(), 8U);
  EXPECT_EQ(light[0].n, 12800U);
  EXPECT_EQ(light[7].n, 100U);
  EXPECT_NEAR(light[0].fraction.value, light[5].fraction.value, 0.01);
  const auto heavy = kish_against_size(gaussian_log_weights(0.2, 12800, 7));
  EXPECT_LT(heavy[0].fraction.value, 0.5 * heavy[7].fraction.value);
}

}  // namespace
}  // namespace equibolt
