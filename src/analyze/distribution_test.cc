#include "analyze/distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "analyze/weights.h"
#include "core/random.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr double kPi = std::numbers::pi;

std::vector<double> normal(std::uint64_t seed, std::size_t count) {
  Random random(seed, Stream::test);
  std::vector<double> x(count);
  random.fill_normal(std::span(x));
  return x;
}

/// x ~ N(0, 1) with ln w = s x, so that the weighted distribution is N(s, 1).
SampleSet shifted_gaussian(const std::vector<double>& x, double s) {
  std::vector<double> log_weights;
  for (const double value : x) log_weights.push_back(s * value);
  return weighted_set(log_weights);
}

double gaussian_cdf(double x) {
  return std::erfc(-x / std::sqrt(2.0)) / 2;
}

/// An autoregressive chain of standard normal values with correlation r: τ = (1 + r) / (1 − r).
std::vector<double> correlated(std::uint64_t seed, std::size_t count, double r) {
  std::vector<double> x = normal(seed, count);
  for (std::size_t k = 1; k < count; ++k) x[k] = r * x[k - 1] + std::sqrt(1 - r * r) * x[k];
  return x;
}

TEST(SampleSet, MeansOfWeightedSamplesAreThoseOfReweightedMean) {
  const std::vector<double> x = normal(1, 2000);
  std::vector<double> log_weights;
  for (const double value : x) log_weights.push_back(0.5 * value);
  const Estimate mean = mean_over(weighted_set(log_weights), x), expected = reweighted_mean(log_weights, x);
  EXPECT_NEAR(mean.value, expected.value, 1e-13);
  EXPECT_NEAR(mean.error, expected.error, 1e-13);
  EXPECT_NEAR(mean.value, 0.5, 4 * mean.error);
}

TEST(SampleSet, ErrorsOfChainsAllowForTheirCorrelation) {
  constexpr double r = 0.8;
  std::vector<double> x;
  for (std::uint64_t chain = 0; chain < 8; ++chain) {
    const std::vector<double> part = correlated(10 + chain, 4000, r);
    x.insert(x.end(), part.begin(), part.end());
  }
  const double n = static_cast<double>(x.size()), time = (1 + r) / (1 - r);
  const SampleSet chains = chain_set(std::vector<std::size_t>(8, 4000));
  const Estimate mean = mean_over(chains, x);
  EXPECT_NEAR(mean.error, std::sqrt(time / n), 0.1 * std::sqrt(time / n));
  EXPECT_NEAR(effective_for(chains, x), n / time, 0.2 * n / time);
  EXPECT_NEAR(mean_over(independent_set(x.size()), x).error, std::sqrt(1 / n), 0.05 * std::sqrt(1 / n));
  // Chains of different lengths.
  const SampleSet uneven = chain_set({4000, 8000, 20000});
  EXPECT_NEAR(mean_over(uneven, x).error, std::sqrt(time / n), 0.15 * std::sqrt(time / n));
}

TEST(SampleSet, WeightedChainsHaveBothTheirWeightsAndTheirCorrelation) {
  // exp(x/2) makes a unit normal distribution one about 1/2; each chain is drawn anew many times.
  constexpr int repeats = 100;
  double squares = 0;
  for (std::uint64_t repeat = 0; repeat < repeats; ++repeat) {
    std::vector<double> x, log_weights;
    for (std::uint64_t chain = 0; chain < 4; ++chain) {
      const std::vector<double> part = correlated(100 + 4 * repeat + chain, 1000, 0.8);
      x.insert(x.end(), part.begin(), part.end());
    }
    for (const double value : x) log_weights.push_back(value / 2);
    const Estimate mean = mean_over(weighted_chain_set(std::vector<std::size_t>(4, 1000), log_weights), x);
    squares += std::pow((mean.value - 0.5) / mean.error, 2) / repeats;
    EXPECT_GT(mean.error, 1.8 * mean_over(weighted_set(log_weights), x).error);
  }
  EXPECT_NEAR(squares, 1, 5 * std::sqrt(2.0 / repeats));
}

TEST(SampleSet, DisagreeingChainsAreWorthLittle) {
  std::vector<double> x = normal(3, 400);
  for (std::size_t k = 200; k < 400; ++k) x[k] += 10;
  EXPECT_GT(mean_over(chain_set({200, 200}), x).error, 1);
}

TEST(SampleSet, ZeroWeightsAreNotLookedAt) {
  std::vector<double> x{1, NAN, 3};
  EXPECT_THROW((void)mean_over(independent_set(3), x), NumericalError);
  const SampleSet two = without(independent_set(3), {true, false, true});
  EXPECT_DOUBLE_EQ(mean_over(two, x).value, 2);
  EXPECT_DOUBLE_EQ(two.effective(), 2);
  EXPECT_THROW((void)without(independent_set(2), {false, false}), NumericalError);
}

TEST(SampleSet, HasNoErrorBarsWhereWeightsHaveNone) {
  std::vector<double> log_weights(100, 0.0);
  log_weights[7] = 50;
  const SampleSet set = weighted_set(log_weights);
  EXPECT_FALSE(set.doubt.empty());
  EXPECT_EQ(mean_over(set, std::vector<double>(100, 1.0)).error, INFINITY);
}

TEST(Distribution, OfGaussianWeightsIsTheShiftedGaussian) {
  constexpr double s = 0.5;
  const std::vector<double> x = normal(4, 40000);
  const SampleSet set = shifted_gaussian(x, s);
  const ObservedValues observed{x};
  const Location where = location(set, observed);
  EXPECT_NEAR(where.mean.value, s, 4 * where.mean.error);
  EXPECT_NEAR(where.standard_deviation, 1, 0.03);
  const Distribution d = distribution(set, observed, {-1.5, 2.5, 16});
  double inside = 0, chi_square = 0;
  for (std::size_t b = 0; b < 16; ++b) {
    const double low = -1.5 + 0.25 * static_cast<double>(b);
    const double expected = (gaussian_cdf(low + 0.25 - s) - gaussian_cdf(low - s)) / 0.25;
    ASSERT_GT(d.density[b].error, 0);
    chi_square += std::pow((d.density[b].value - expected) / d.density[b].error, 2);
    inside += d.density[b].value * 0.25;
    EXPECT_NEAR(d.free_energy[b].error, d.density[b].error / d.density[b].value, 1e-12);
  }
  EXPECT_LT(chi_square, 40);
  EXPECT_GT(chi_square, 3);
  EXPECT_NEAR(inside + d.outside, 1, 1e-12);
  EXPECT_EQ(std::ranges::min(d.free_energy, {}, &Estimate::value).value, 0);
}

TEST(Distribution, OfSeveralValuesOfARecordCountsThemTogether) {
  // Two equal values are worth no more than one.
  const std::vector<double> x = normal(5, 1000);
  std::vector<double> twice;
  for (const double value : x) twice.insert(twice.end(), {value, value});
  const SampleSet set = independent_set(1000);
  const Distribution one = distribution(set, {x}, {-2, 2, 4}),
                     two = distribution(set, {twice, 2}, {-2, 2, 4});
  for (std::size_t b = 0; b < 4; ++b) {
    EXPECT_NEAR(one.density[b].value, two.density[b].value, 1e-12);
    EXPECT_NEAR(one.density[b].error, two.density[b].error, 1e-12);
  }
}

TEST(Location, OfAnglesIsAcrossTheBranchCut) {
  std::vector<double> angles = normal(6, 20000);
  for (double& angle : angles) angle = std::remainder(kPi + 0.3 * angle, 2 * kPi);
  const Location where = location(independent_set(angles.size()), {angles, 1, true});
  EXPECT_LT(kPi - std::abs(where.mean.value), 5 * where.mean.error);
  // For a wrapped normal distribution R = exp(−σ²/2), and the error is near σ/√n.
  EXPECT_NEAR(where.resultant_length, std::exp(-0.045), 0.003);
  EXPECT_NEAR(where.mean.error, 0.3 / std::sqrt(20000.0), 0.1 * 0.3 / std::sqrt(20000.0));
  std::vector<double> uniform(1000);
  for (std::size_t k = 0; k < uniform.size(); ++k) uniform[k] = 2 * kPi * static_cast<double>(k) / 1000 - kPi;
  EXPECT_EQ(location(independent_set(1000), {uniform, 1, true}).mean.error, INFINITY);
}

TEST(Distribution, OfAnglesHasNoOutside) {
  const Distribution d = distribution(independent_set(4), {{kPi, -kPi, 0.1, 3}, 1, true}, {-kPi, kPi, 4});
  EXPECT_EQ(d.outside, 0);
  EXPECT_NEAR(d.density[0].value * d.bins.width(), 0.5, 1e-12);  // π is −π
}

TEST(StateEstimate, OfGaussianWeights) {
  const std::vector<double> x = normal(7, 40000);
  const SampleSet set = shifted_gaussian(x, 0.5);
  std::vector<bool> inside;
  for (const double value : x) inside.push_back(value > 1);
  const StateEstimate state = state_estimate(set, inside);
  const double p = 1 - gaussian_cdf(0.5);
  ASSERT_TRUE(state.free_energy);
  EXPECT_NEAR(state.population.value, p, 4 * state.population.error);
  EXPECT_NEAR(state.free_energy->value, -std::log(p / (1 - p)), 4 * state.free_energy->error);
  EXPECT_NEAR(state.free_energy->error, state.population.error / (p * (1 - p)), 1e-2);
  EXPECT_LT(state.free_energy->error, 0.05);
}

TEST(StateEstimate, SaysWhyThereIsNoErrorBar) {
  std::vector<bool> inside(1000, false);
  EXPECT_FALSE(state_estimate(independent_set(1000), inside).free_energy);
  EXPECT_EQ(state_estimate(independent_set(1000), inside).doubt, "no sample is in the state");
  inside[3] = inside[5] = true;
  const StateEstimate few = state_estimate(independent_set(1000), inside);
  ASSERT_TRUE(few.free_energy);
  EXPECT_NEAR(few.free_energy->value, std::log(499), 1e-12);
  EXPECT_EQ(few.free_energy->error, INFINITY);
  EXPECT_NE(few.doubt.find("2.0 effective samples are in"), std::string::npos);
}

TEST(FreeEnergyMap, OfTwoIndependentGaussians) {
  const std::vector<double> x = normal(8, 40000), y = normal(9, 40000);
  const FreeEnergyMap map =
      free_energy_map(independent_set(x.size()), {x}, {y}, {-0.5, 1.5, 2}, {-0.5, 1.5, 2});
  const auto p = [](double low) { return gaussian_cdf(low + 1) - gaussian_cdf(low); };
  const double expected[4] = {0, std::log(p(-0.5) / p(0.5)), std::log(p(-0.5) / p(0.5)),
                              2 * std::log(p(-0.5) / p(0.5))};
  for (std::size_t k = 0; k < 4; ++k) {
    EXPECT_NEAR(map.free_energy[k].value, expected[k],
                5 * map.free_energy[k].error + 5 * map.free_energy[0].error);
    EXPECT_LT(map.free_energy[k].error, 0.05);
  }
}

TEST(CommonBins, AreTheCircleForAnglesAndTheBulkForOthers) {
  const SampleSet set = independent_set(1000);
  std::vector<double> x = normal(10, 1000);
  x[0] = 1e9;
  const ObservedValues values{x}, angles{std::vector<double>(1000, 0.0), 1, true};
  const std::vector<SetOfValues> line{{&set, &values}}, circle{{&set, &angles}};
  const Bins bins = common_bins(line, 20);
  EXPECT_EQ(bins.count, 20U);
  EXPECT_GT(bins.low, -5);
  EXPECT_LT(bins.high, 8);
  EXPECT_EQ(common_bins(circle, 20).low, -kPi);
  EXPECT_EQ(common_bins(circle, 20).high, kPi);
}

}  // namespace
}  // namespace equibolt
