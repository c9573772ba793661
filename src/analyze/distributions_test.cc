#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "analyze/bootstrap.h"
#include "analyze/histogram.h"
#include "analyze/two_sample.h"
#include "core/random.h"

namespace equibolt {
namespace {

std::vector<double> normals(std::size_t n, std::uint64_t number) {
  Random random(51, Stream::test, number);
  std::vector<double> values(n);
  random.fill_normal(std::span(values));
  return values;
}

TEST(BootstrapErrors, AreThoseOfTheMean) {
  const auto values = normals(2000, 1);
  const auto mean_at = [&](std::span<const std::size_t> indices) {
    double sum = 0;
    for (const std::size_t k : indices) sum += values[k] / static_cast<double>(indices.size());
    return sum;
  };
  const Bootstrap options{.seed = 3, .repetitions = 400};
  EXPECT_NEAR(bootstrap_error(2000, mean_at, options) / mean(values).error, 1, 0.16);
  EXPECT_EQ(bootstrap(2000, mean_at, options), bootstrap(2000, mean_at, options));
  EXPECT_NE(bootstrap(2000, mean_at, options), bootstrap(2000, mean_at, {.seed = 4, .repetitions = 400}));
}

TEST(BootstrapErrors, BlocksSeeCorrelation) {
  // Every value ten times over: the error is √10 times that of independent values.
  const auto few = normals(300, 2);
  std::vector<double> values;
  for (const double value : few) values.insert(values.end(), 10, value);
  const auto mean_at = [&](std::span<const std::size_t> indices) {
    double sum = 0;
    for (const std::size_t k : indices) sum += values[k] / static_cast<double>(indices.size());
    return sum;
  };
  const double single = bootstrap_error(3000, mean_at, {.seed = 5, .repetitions = 300});
  const double blocks = bootstrap_error(3000, mean_at, {.seed = 5, .repetitions = 300, .block = 60});
  EXPECT_NEAR(blocks / single, std::sqrt(10), 0.8);
  EXPECT_THROW(bootstrap(10, mean_at, {.block = 11}), DataError);
  EXPECT_THROW(bootstrap(10, mean_at, {.block = 0}), DataError);
  EXPECT_THROW(bootstrap(0, mean_at), DataError);
}

TEST(Histograms, SmallExampleByHand) {
  const std::vector<double> values = {0.1, 0.2, 0.6, 5, -1, 1};
  const Histogram h = histogram(values, 0, 1, 2);
  EXPECT_NEAR(h.density[0].value, 2.0 / 6 / 0.5, 1e-15);
  EXPECT_NEAR(h.density[1].value, 1.0 / 6 / 0.5, 1e-15);
  EXPECT_NEAR(h.outside, 0.5, 1e-15);  // 1 itself lies outside [0, 1)
  EXPECT_NEAR(h.centre(1), 0.75, 1e-15);
  // The binomial √(p (1 − p) / (n − 1)).
  EXPECT_NEAR(h.density[0].error, std::sqrt(2.0 / 9 / 5) / 0.5, 1e-14);
}

TEST(Histograms, ReweightedGaussianHasItsDensityWithHonestErrors) {
  // Unit Gaussian samples weighted to mean 0.5: ln w = x/2.
  const auto values = normals(100000, 3);
  std::vector<double> log_weights;
  for (const double x : values) log_weights.push_back(x / 2);
  const Histogram h = histogram(values, -2, 3, 50, log_weights);
  double squares = 0;
  double total = h.outside;
  for (std::size_t bin = 0; bin < 50; ++bin) {
    const double left = h.low + static_cast<double>(bin) * h.bin_width() - 0.5;
    const double exact = 0.5 *
                         (std::erf((left + h.bin_width()) / std::sqrt(2)) - std::erf(left / std::sqrt(2))) /
                         h.bin_width();
    squares += std::pow((h.density[bin].value - exact) / h.density[bin].error, 2);
    total += h.density[bin].value * h.bin_width();
  }
  EXPECT_NEAR(total, 1, 1e-12);
  EXPECT_NEAR(squares / 50, 1, 5 * std::sqrt(2.0 / 50));
}

TEST(Histograms, WhatCannotBeAHistogramIsRefused) {
  const std::vector<double> values = {0.1, NAN};
  EXPECT_THROW(histogram(values, 0, 1, 2), NumericalError);
  EXPECT_NEAR(histogram(values, 0, 1, 2, std::vector<double>{0, -INFINITY}).density[0].value, 2, 1e-15);
  EXPECT_THROW(histogram(values, 1, 1, 2), DataError);
  EXPECT_THROW(histogram(values, 0, 1, 0), DataError);
  EXPECT_THROW(histogram(values, 0, 1, 2, std::vector<double>{0}), DataError);
}

TEST(KolmogorovSmirnov, SurvivalFunctionHasItsTabulatedValues) {
  EXPECT_NEAR(kolmogorov_survival(1.3581), 0.05, 1e-5);
  EXPECT_NEAR(kolmogorov_survival(1.6276), 0.01, 1e-5);
  EXPECT_NEAR(kolmogorov_survival(0.5), 0.9639452, 1e-6);
  EXPECT_NEAR(kolmogorov_survival(1 - 1e-12), kolmogorov_survival(1 + 1e-12), 1e-10);
  EXPECT_EQ(kolmogorov_survival(0), 1);
}

TEST(KolmogorovSmirnov, StatisticByHandWithTiesAndWeights) {
  const std::vector<double> a = {1, 2, 2, 3};
  const std::vector<double> b = {2, 3, 3, 4};
  EXPECT_NEAR(kolmogorov_smirnov({a}, {b}).statistic, 0.5, 1e-15);  // 3/4 against 1/4 behind 2
  EXPECT_NEAR(kolmogorov_smirnov({a}, {a}).statistic, 0, 1e-15);
  const std::vector<double> doubled = {1, 2, 3};
  const std::vector<double> log_weights = {0, std::log(2), 0};
  EXPECT_NEAR(kolmogorov_smirnov({doubled, log_weights}, {a}).statistic, 0, 1e-15);
}

TEST(KolmogorovSmirnov, PValuesAreUniformForOneDistributionAndSmallForTwo) {
  int below_tenth = 0;
  int below_half = 0;
  for (std::uint64_t k = 0; k < 400; ++k) {
    const auto a = normals(200, 100 + 2 * k);
    const auto b = normals(300, 101 + 2 * k);
    const double p = kolmogorov_smirnov({a}, {b}).p_value;
    below_tenth += p < 0.1;
    below_half += p < 0.5;
  }
  EXPECT_NEAR(below_tenth, 40, 25);
  EXPECT_NEAR(below_half, 200, 45);
  auto a = normals(1000, 7);
  const auto b = normals(1000, 8);
  for (double& value : a) value += 0.3;
  EXPECT_LT(kolmogorov_smirnov({a}, {b}).p_value, 1e-6);
  // The same distance means little if only every hundredth value is independent.
  EXPECT_GT(kolmogorov_smirnov({a, {}, 100}, {b, {}, 100}).p_value, 0.1);
}

TEST(KolmogorovSmirnov, ReweightedSamplesAgreeWithTheirTarget) {
  int below_tenth = 0;
  for (std::uint64_t k = 0; k < 300; ++k) {
    const auto x = normals(400, 1000 + 2 * k);
    auto target = normals(400, 1001 + 2 * k);
    for (double& value : target) value += 0.5;
    std::vector<double> log_weights;
    for (const double value : x) log_weights.push_back(value / 2);
    below_tenth += kolmogorov_smirnov({x, log_weights}, {target}).p_value < 0.1;
  }
  EXPECT_LE(below_tenth, 30 + 25);
  EXPECT_THROW(kolmogorov_smirnov({std::vector<double>{NAN}}, {std::vector<double>{1}}), NumericalError);
  EXPECT_THROW(kolmogorov_smirnov({}, {std::vector<double>{1}}), DataError);
}

}  // namespace
}  // namespace equibolt
