#include "analyze/two_sample.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "analyze/weights.h"

namespace equibolt {
namespace {

/// A step of the difference of the two cumulative distributions.
struct Step {
  double value;
  double height;
};

/// Adds the sample's steps, of `sign`; returns its effective size.
double add_steps(const ObservedSample& sample, double sign, std::vector<Step>& steps) {
  require_count(sample.values.size(), 1, "two-sample test");
  if (!sample.log_weights.empty() && sample.log_weights.size() != sample.values.size()) {
    throw DataError("two-sample test: {} values, {} weights", sample.values.size(),
                    sample.log_weights.size());
  }
  if (!(sample.autocorrelation_time > 0)) {
    throw DataError("two-sample test: autocorrelation time {}", sample.autocorrelation_time);
  }
  const auto n = static_cast<double>(sample.values.size());
  const bool weighted = !sample.log_weights.empty();
  const std::vector<double> weights =
      weighted ? normalised_weights(sample.log_weights) : std::vector<double>(sample.values.size(), 1 / n);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (!(weights[k] > 0)) continue;
    if (std::isnan(sample.values[k])) throw NumericalError("two-sample test: value {} is not a number", k);
    steps.push_back({sample.values[k], sign * weights[k]});
  }
  return (weighted ? n * kish_fraction(sample.log_weights) : n) / sample.autocorrelation_time;
}

}  // namespace

double kolmogorov_survival(double x) {
  if (!(x > 0)) return 1;
  if (x < 1) {
    // The series of the theta function's other form, which converges fast here.
    const double q = std::exp(-std::numbers::pi * std::numbers::pi / (8 * x * x));
    const double sum = q + std::pow(q, 9) + std::pow(q, 25);
    return 1 - std::sqrt(2 * std::numbers::pi) / x * sum;
  }
  const double q = std::exp(-2 * x * x);
  return 2 * (q - std::pow(q, 4) + std::pow(q, 9) - std::pow(q, 16));
}

TwoSampleTest kolmogorov_smirnov(const ObservedSample& a, const ObservedSample& b) {
  std::vector<Step> steps;
  const double n_a = add_steps(a, 1, steps);
  const double n_b = add_steps(b, -1, steps);
  std::sort(steps.begin(), steps.end(), [](const Step& s, const Step& t) { return s.value < t.value; });
  double difference = 0;
  double greatest = 0;
  for (std::size_t k = 0; k < steps.size(); ++k) {
    difference += steps[k].height;
    const bool tied = k + 1 < steps.size() && steps[k + 1].value == steps[k].value;
    if (!tied) greatest = std::max(greatest, std::abs(difference));
  }
  const double root = std::sqrt(n_a * n_b / (n_a + n_b));
  return {greatest, kolmogorov_survival((root + 0.12 + 0.11 / root) * greatest)};
}

}  // namespace equibolt
