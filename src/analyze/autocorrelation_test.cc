#include "analyze/autocorrelation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"

namespace equibolt {
namespace {

/// x_{t+1} = φ x_t + √(1 − φ²) z, stationary with variance 1; ρ_k = φ^k, so that τ = (1 + φ) / (1 − φ).
std::vector<double> autoregressive(double phi, std::size_t n, std::uint64_t number) {
  Random random(21, Stream::test, number);
  std::vector<double> series(n);
  double x = random.normal();
  for (double& value : series) {
    value = x;
    x = phi * x + std::sqrt(1 - phi * phi) * random.normal();
  }
  return series;
}

TEST(Autocorrelation, TimeOfAnAutoregressiveProcess) {
  for (const double phi : {0.0, 0.5, 0.9, -0.3}) {
    const double exact = (1 + phi) / (1 - phi);
    EXPECT_NEAR(autocorrelation_time(autoregressive(phi, 50000, 1)) / exact, 1, 0.15) << phi;
  }
}

TEST(Autocorrelation, ErrorsOfCorrelatedMeansAreHonest) {
  double squares = 0;
  const int repetitions = 300;
  for (int k = 0; k < repetitions; ++k) {
    const Estimate estimate = correlated_mean(autoregressive(0.8, 2000, 100 + static_cast<std::uint64_t>(k)));
    squares += estimate.value * estimate.value / (estimate.error * estimate.error) / repetitions;
  }
  EXPECT_NEAR(std::sqrt(squares), 1, 0.18);
}

TEST(Autocorrelation, AStuckChainIsOneSample) {
  const std::vector<double> stuck(100, 2.5);
  EXPECT_EQ(autocorrelation_time(stuck), 100);
  const std::vector<std::vector<double>> chains = {stuck, stuck};
  EXPECT_EQ(effective_sample_size(chains), 1);
  EXPECT_EQ(split_r_hat(chains), 1);
  const std::vector<std::vector<double>> apart = {stuck, std::vector<double>(100, 1.0)};
  EXPECT_TRUE(std::isinf(split_r_hat(apart)));
  EXPECT_LE(effective_sample_size(apart), 4.5);
}

TEST(Autocorrelation, EffectiveSampleSizeOfChainsThatAgree) {
  std::vector<std::vector<double>> chains;
  for (std::uint64_t k = 0; k < 4; ++k) chains.push_back(autoregressive(0.7, 10000, 500 + k));
  EXPECT_NEAR(effective_sample_size(chains) / (40000 * 0.3 / 1.7), 1, 0.12);
  EXPECT_NEAR(split_r_hat(chains), 1, 0.005);
}

TEST(Autocorrelation, ChainsThatDisagreeAreFound) {
  std::vector<std::vector<double>> chains;
  for (std::uint64_t k = 0; k < 4; ++k) chains.push_back(autoregressive(0.2, 1000, 600 + k));
  for (double& value : chains[3]) value += 3;
  EXPECT_LT(effective_sample_size(chains), 20);
  // Six halves around 0 and two around 3: the means' variance is (6 · 0.75² + 2 · 2.25²) / 7 = 27/14.
  EXPECT_NEAR(split_r_hat(chains), std::sqrt(1 + 27.0 / 14), 0.1);

  std::vector<std::vector<double>> drifting = {autoregressive(0.2, 1000, 700)};
  for (std::size_t t = 0; t < 1000; ++t) drifting[0][t] += 0.004 * static_cast<double>(t);
  EXPECT_GT(split_r_hat(drifting), 1.3);
}

TEST(Autocorrelation, WhatCannotBeASeriesIsRefused) {
  EXPECT_THROW(autocorrelation_time(std::vector<double>{1, 2, 3}), DataError);
  EXPECT_THROW(autocorrelation_time(std::vector<double>{1, 2, 3, std::nan("")}), NumericalError);
  const std::vector<std::vector<double>> unequal = {std::vector<double>(10), std::vector<double>(11)};
  EXPECT_THROW(split_r_hat(unequal), DataError);
  EXPECT_THROW(effective_sample_size({}), DataError);
}

}  // namespace
}  // namespace equibolt
