#include "analyze/sample_set.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "analyze/autocorrelation.h"
#include "analyze/weights.h"

namespace equibolt {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t least_steps = 8;  // of a chain whose autocorrelation can be estimated

void require_values(const SampleSet& set, std::span<const double> values) {
  if (values.size() != set.count())
    throw DataError("mean: {} values, {} records", values.size(), set.count());
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (set.weights[k] > 0 && !std::isfinite(values[k]))
      throw NumericalError("mean: value {} is {}", k, values[k]);
  }
}

/// What each record of each chain adds to the mean of values, without those of weight zero, which belong to
/// no chain.
std::vector<std::vector<double>> series_of(const SampleSet& set, std::span<const double> values,
                                           double mean) {
  std::vector<std::vector<double>> series;
  const auto n = static_cast<double>(values.size());
  std::size_t first = 0;
  for (const std::size_t length : set.chains) {
    auto& chain = series.emplace_back();
    for (std::size_t k = first; k < first + length; ++k) {
      if (set.weights[k] > 0) chain.push_back(n * set.weights[k] * (values[k] - mean));
    }
    if (chain.empty()) series.pop_back();
    first += length;
  }
  return series;
}

double weighted_sum(const SampleSet& set, std::span<const double> values) {
  double sum = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (set.weights[k] > 0) sum += set.weights[k] * values[k];
  }
  return sum;
}

/// As for independent records.
double delta_error(const SampleSet& set, std::span<const double> values, double mean) {
  double variance = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    const double w = set.weights[k];
    if (w > 0) variance += w * w * (values[k] - mean) * (values[k] - mean);
  }
  const auto n = static_cast<double>(values.size());
  return n > 1 ? std::sqrt(variance * n / (n - 1)) : infinity;
}

/// Of the mean over chains; `independent` is the error if all records were.
double chain_error(const std::vector<std::vector<double>>& series, double independent) {
  const auto shortest = std::ranges::min(series, {}, [](const auto& chain) { return chain.size(); }).size();
  const auto longest = std::ranges::max(series, {}, [](const auto& chain) { return chain.size(); }).size();
  double total = 0;
  for (const auto& chain : series) total += static_cast<double>(chain.size());
  if (shortest < least_steps) {
    if (series.size() < 2) return longest < 2 ? infinity : independent;
    std::vector<double> means;
    for (const auto& chain : series) means.push_back(average(chain));
    return std::max(independent, mean(means).error);
  }
  if (shortest == longest) {
    const double time = total / effective_sample_size(series);
    return independent * std::sqrt(std::max(1.0, time));
  }
  double variance = 0;
  for (const auto& chain : series) {
    const double share = static_cast<double>(chain.size()) / total, error = correlated_mean(chain).error;
    variance += share * share * error * error;
  }
  return std::max(independent, std::sqrt(variance));
}

}  // namespace

double SampleSet::effective() const {
  double squares = 0;
  for (const double w : weights) squares += w * w;
  return squares > 0 ? 1 / squares : 0;
}

SampleSet independent_set(std::size_t n) {
  require_count(n, 1, "samples");
  return {std::vector<double>(n, 1 / static_cast<double>(n)), {}, {}};
}

SampleSet weighted_set(std::span<const double> log_weights) {
  return {normalised_weights(log_weights), {}, weight_quality(log_weights).doubt()};
}

SampleSet chain_set(std::vector<std::size_t> lengths) {
  SampleSet set = independent_set(std::accumulate(lengths.begin(), lengths.end(), std::size_t{0}));
  set.chains = std::move(lengths);
  return set;
}

SampleSet weighted_chain_set(std::vector<std::size_t> lengths, std::span<const double> log_weights) {
  SampleSet set = weighted_set(log_weights);
  set.chains = std::move(lengths);
  return set;
}

SampleSet without(const SampleSet& set, const std::vector<bool>& keep) {
  if (keep.size() != set.count()) throw DataError("samples: {} of {} chosen", keep.size(), set.count());
  SampleSet left = set;
  double sum = 0;
  for (std::size_t k = 0; k < keep.size(); ++k) {
    if (!keep[k]) left.weights[k] = 0;
    sum += left.weights[k];
  }
  if (!(sum > 0)) throw NumericalError("samples: none of {} has a finite value and a weight", set.count());
  for (double& w : left.weights) w /= sum;
  return left;
}

Estimate mean_over(const SampleSet& set, std::span<const double> values) {
  require_values(set, values);
  const double value = weighted_sum(set, values);
  if (!set.doubt.empty()) return {value, infinity};
  const double independent = delta_error(set, values, value);
  if (set.chains.empty()) return {value, independent};
  return {value, chain_error(series_of(set, values, value), independent)};
}

double effective_for(const SampleSet& set, std::span<const double> values) {
  require_values(set, values);
  if (set.chains.empty()) return set.effective();
  const double value = weighted_sum(set, values), independent = delta_error(set, values, value);
  if (!(independent > 0)) return 1;  // a chain that never moved is one sample
  const double ratio = independent / chain_error(series_of(set, values, value), independent);
  return set.effective() * ratio * ratio;
}

}  // namespace equibolt
