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
  const Histogram h = histogram(values, {0, 1, 2});
  EXPECT_NEAR(h.density[0].value, 2.0 / 6 / 0.5, 1e-15);
  EXPECT_NEAR(h.density[1].value, 1.0 / 6 / 0.5, 1e-15);
  EXPECT_NEAR(h.outside, 0.5, 1e-15);  // 1 itself lies outside [0, 1)
  EXPECT_NEAR(h.bins.centre(1), 0.75, 1e-15);
  // The binomial √(p (1 − p) / (n − 1)).
  EXPECT_NEAR(h.density[0].error, std::sqrt(2.0 / 9 / 5) / 0.5, 1e-14);
}

TEST(Histograms, ReweightedGaussianHasItsDensityWithHonestErrors) {
  // Unit Gaussian samples weighted to mean 0.5: ln w = x/2.
  const auto values = normals(100000, 3);
  std::vector<double> log_weights;
  for (const double x : values) log_weights.push_back(x / 2);
  const Histogram h = histogram(values, {-2, 3, 50}, log_weights);
  double squares = 0;
  double total = h.outside;
  for (std::size_t bin = 0; bin < 50; ++bin) {
    const double left = h.bins.low + static_cast<double>(bin) * h.bins.width() - 0.5;
    const double exact = 0.5 *
                         (std::erf((left + h.bins.width()) / std::sqrt(2)) - std::erf(left / std::sqrt(2))) /
                         h.bins.width();
    squares += std::pow((h.density[bin].value - exact) / h.density[bin].error, 2);
    total += h.density[bin].value * h.bins.width();
  }
  EXPECT_NEAR(total, 1, 1e-12);
  EXPECT_NEAR(squares / 50, 1, 5 * std::sqrt(2.0 / 50));
}

/// Values 5 to a record, which share most of their noise: x = √0.9 z + √0.1 z_i.
std::vector<double> shared_noise(std::size_t records, std::uint64_t number) {
  Random random(52, Stream::test, number);
  std::vector<double> values;
  for (std::size_t k = 0; k < records; ++k) {
    const double common = random.normal();
    for (int i = 0; i < 5; ++i) values.push_back(std::sqrt(0.9) * common + std::sqrt(0.1) * random.normal());
  }
  return values;
}

Records records_of(const std::vector<double>& values) {
  return {.count = values.size() / 5, .append_values = [&](std::size_t k, std::vector<double>& out) {
            out.insert(out.end(), values.begin() + static_cast<std::ptrdiff_t>(5 * k),
                       values.begin() + static_cast<std::ptrdiff_t>(5 * k + 5));
          }};
}

TEST(Histograms, ErrorsAreThoseOfRecordsNotOfTheirValues) {
  // Over repetitions: the mean square of (density − exact)/error of each bin.
  constexpr int repetitions = 100;
  const Bins bins{-2, 2, 8};
  double by_record = 0, by_value = 0, weighted = 0;
  for (int r = 0; r < repetitions; ++r) {
    const auto values = shared_noise(600, static_cast<std::uint64_t>(r));
    Records records = records_of(values);
    const Histogram right = histogram(records, bins), wrong = histogram(values, bins);
    // Weights that do not depend on the values change the error, and not the density.
    Random random(53, Stream::test, static_cast<std::uint64_t>(r));
    std::vector<double> log_weights(600);
    for (double& value : log_weights) value = 0.5 * random.normal();
    records.log_weights = log_weights;
    const Histogram reweighted = histogram(records, bins);
    for (std::size_t bin = 0; bin < 8; ++bin) {
      const double left = bins.low + static_cast<double>(bin) * bins.width();
      const double exact = 0.5 *
                           (std::erf((left + bins.width()) / std::sqrt(2)) - std::erf(left / std::sqrt(2))) /
                           bins.width();
      const auto square = [&](const Histogram& h) {
        return std::pow((h.density[bin].value - exact) / h.density[bin].error, 2) / (8.0 * repetitions);
      };
      EXPECT_NEAR(right.density[bin].value, wrong.density[bin].value, 1e-12);
      by_record += square(right);
      by_value += square(wrong);
      weighted += square(reweighted);
    }
  }
  EXPECT_NEAR(by_record, 1, 0.25);
  EXPECT_NEAR(weighted, 1, 0.3);
  EXPECT_GT(by_value, 2);
}

TEST(Histograms, ErrorsOfASeriesSeeItsCorrelation) {
  constexpr int repetitions = 60;
  const Bins bins{-1.5, 1.5, 3};
  double as_series = 0, as_independent = 0;
  for (int r = 0; r < repetitions; ++r) {
    Random random(54, Stream::test, static_cast<std::uint64_t>(r));
    std::vector<double> values(1000);
    double x = random.normal();
    for (double& value : values) {
      value = x;
      x = 0.9 * x + std::sqrt(1 - 0.81) * random.normal();
    }
    Records records{.count = values.size(), .append_values = [&](std::size_t k, std::vector<double>& out) {
                      out.push_back(values[k]);
                    }};
    const Histogram wrong = histogram(records, bins);
    records.series = true;
    const Histogram right = histogram(records, bins);
    for (std::size_t bin = 0; bin < 3; ++bin) {
      const double left = bins.low + static_cast<double>(bin);
      const double exact = 0.5 * (std::erf((left + 1) / std::sqrt(2)) - std::erf(left / std::sqrt(2)));
      const auto square = [&](const Histogram& h) {
        return std::pow((h.density[bin].value - exact) / h.density[bin].error, 2) / (3.0 * repetitions);
      };
      as_series += square(right);
      as_independent += square(wrong);
    }
  }
  EXPECT_NEAR(as_series, 1, 0.45);
  EXPECT_GT(as_independent, 2.5);
}

TEST(Histograms, BinsGoOnWhereTheOthersDo) {
  const Bins same = extended_bins(-10, 40, 50, -5, 30, 100);
  EXPECT_EQ(same.count, 50U);
  EXPECT_EQ(same.low, -10);
  EXPECT_GT(same.high, 40);  // the greatest value lies in the last bin
  EXPECT_NEAR(same.high, 40, 1e-6);
  const Bins wide = extended_bins(-10, 40, 50, -12.5, 70.5, 100);
  EXPECT_EQ(wide.count, 50U + 3 + 31);
  EXPECT_NEAR(wide.low, -13, 1e-6);
  EXPECT_NEAR(wide.high, 71, 1e-6);
  EXPECT_NEAR(wide.width(), 1, 1e-6);
  const Bins limited = extended_bins(-10, 40, 50, -1e300, 1e300, 100);
  EXPECT_EQ(limited.count, 250U);
  EXPECT_NEAR(limited.low, -110, 1e-5);
  EXPECT_NEAR(limited.high, 140, 1e-5);
  // All values the same.
  const Bins constant = extended_bins(3, 3, 50, 3, 3, 100);
  EXPECT_TRUE(constant.low <= 3 && 3 < constant.high);
}

TEST(Histograms, WhatCannotBeAHistogramIsRefused) {
  const std::vector<double> values = {0.1, NAN};
  EXPECT_THROW(histogram(values, {0, 1, 2}), NumericalError);
  EXPECT_NEAR(histogram(values, {0, 1, 2}, std::vector<double>{0, -INFINITY}).density[0].value, 2, 1e-15);
  EXPECT_THROW(histogram(values, {1, 1, 2}), DataError);
  EXPECT_THROW(histogram(values, {0, 1, 0}), DataError);
  EXPECT_THROW(histogram(values, {0, 1, 2}, std::vector<double>{0}), DataError);
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
