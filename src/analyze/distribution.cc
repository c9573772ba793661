#include "analyze/distribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "analyze/weights.h"

namespace equibolt {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr double infinity = std::numeric_limits<double>::infinity();

std::span<const double> values_of(const ObservedValues& observed, std::size_t record) {
  return std::span(observed.values).subspan(record * observed.per_record, observed.per_record);
}

/// (n,): f of each record, 0 for those of weight zero.
template <typename F>
std::vector<double> map_records(const SampleSet& set, const F& f) {
  std::vector<double> mapped(set.count(), 0.0);
  for (std::size_t k = 0; k < mapped.size(); ++k) {
    if (set.weights[k] > 0) mapped[k] = f(k);
  }
  return mapped;
}

/// The bin of a value; bins.count for values beyond them. π, which is −π, is in the first bin of a circle.
std::size_t bin_of(const Bins& bins, double value, bool periodic) {
  if (periodic && value >= bins.high) value -= 2 * kPi;
  if (!(value >= bins.low && value < bins.high)) return bins.count;
  const double position = (value - bins.low) / (bins.high - bins.low) * static_cast<double>(bins.count);
  return std::min(static_cast<std::size_t>(position), bins.count - 1);
}

/// −ln p with the error of p, above the least.
std::vector<Estimate> free_energies(std::span<const Estimate> densities) {
  double most = 0;
  for (const Estimate& density : densities) most = std::max(most, density.value);
  std::vector<Estimate> free_energy;
  for (const auto& [p, error] : densities) {
    free_energy.push_back(p > 0 ? Estimate{std::log(most / p), error / p} : Estimate{infinity, infinity});
  }
  return free_energy;
}

void require_records(const SampleSet& set, const ObservedValues& observed) {
  if (observed.per_record < 1 || observed.values.size() != set.count() * observed.per_record) {
    throw DataError("observable: {} values, {} records of {} values each", observed.values.size(),
                    set.count(), observed.per_record);
  }
}

Location circular_location(const SampleSet& set, const ObservedValues& observed) {
  const auto at = [&](std::size_t k) { return observed.values[k]; };
  const Estimate c = mean_over(set, map_records(set, [&](std::size_t k) { return std::cos(at(k)); }));
  const Estimate s = mean_over(set, map_records(set, [&](std::size_t k) { return std::sin(at(k)); }));
  const double length = std::hypot(c.value, s.value), direction = std::atan2(s.value, c.value);
  const auto across = map_records(set, [&](std::size_t k) { return std::sin(at(k) - direction); });
  const Estimate sine = mean_over(set, across);
  const double of_length = std::hypot(c.error, s.error);
  return {.mean = {direction, length > 2 * of_length ? sine.error / length : infinity},
          .resultant_length = length,
          .effective = effective_for(set, across)};
}

}  // namespace

std::vector<bool> finite_records(const ObservedValues& observed) {
  std::vector<bool> finite(observed.values.size() / observed.per_record);
  for (std::size_t k = 0; k < finite.size(); ++k) {
    finite[k] =
        std::ranges::all_of(values_of(observed, k), [](double value) { return std::isfinite(value); });
  }
  return finite;
}

Location location(const SampleSet& set, const ObservedValues& observed) {
  require_records(set, observed);
  if (observed.periodic) {
    assert(observed.per_record == 1);
    return circular_location(set, observed);
  }
  const std::vector<double> means =
      map_records(set, [&](std::size_t k) { return average(values_of(observed, k)); });
  const Estimate mean = mean_over(set, means);
  const std::vector<double> squares = map_records(set, [&](std::size_t k) {
    double sum = 0;
    for (const double value : values_of(observed, k)) sum += (value - mean.value) * (value - mean.value);
    return sum / static_cast<double>(observed.per_record);
  });
  double variance = 0;
  for (std::size_t k = 0; k < squares.size(); ++k) variance += set.weights[k] * squares[k];
  return {.mean = mean, .standard_deviation = std::sqrt(variance), .effective = effective_for(set, means)};
}

Distribution distribution(const SampleSet& set, const ObservedValues& observed, const Bins& bins) {
  require_records(set, observed);
  require_count(bins.count, 1, "histogram: bins");
  if (!(bins.low < bins.high)) throw DataError("histogram: from {} to {}", bins.low, bins.high);
  std::vector<std::size_t> bin(observed.values.size(), bins.count);
  Distribution result{bins, {}, 0, {}};
  const auto per_record = static_cast<double>(observed.per_record);
  for (std::size_t v = 0; v < bin.size(); ++v) {
    const double weight = set.weights[v / observed.per_record];
    if (!(weight > 0)) continue;
    if (std::isnan(observed.values[v])) throw NumericalError("histogram: value {} is not a number", v);
    bin[v] = bin_of(bins, observed.values[v], observed.periodic);
    if (bin[v] == bins.count) result.outside += weight / per_record;
  }
  for (std::size_t b = 0; b < bins.count; ++b) {
    const Estimate share =
        mean_over(set, map_records(set, [&](std::size_t k) {
                    const auto first = bin.begin() + static_cast<std::ptrdiff_t>(k * observed.per_record);
                    return static_cast<double>(std::count(
                               first, first + static_cast<std::ptrdiff_t>(observed.per_record), b)) /
                           per_record;
                  }));
    result.density.push_back({share.value / bins.width(), share.error / bins.width()});
  }
  result.free_energy = free_energies(result.density);
  return result;
}

StateEstimate state_estimate(const SampleSet& set, const std::vector<bool>& inside) {
  const std::vector<double> indicator =
      map_records(set, [&](std::size_t k) { return inside[k] ? 1.0 : 0.0; });
  StateEstimate state{.population = mean_over(set, indicator)};
  const double p = state.population.value;
  if (set.chains.empty()) {
    double squares_inside = 0, squares_outside = 0;
    for (std::size_t k = 0; k < inside.size(); ++k)
      (inside[k] ? squares_inside : squares_outside) += set.weights[k] * set.weights[k];
    state.effective_inside = squares_inside > 0 ? p * p / squares_inside : 0;
    state.effective_outside = squares_outside > 0 ? (1 - p) * (1 - p) / squares_outside : 0;
  } else {
    const double effective = effective_for(set, indicator);
    state.effective_inside = p * effective;
    state.effective_outside = (1 - p) * effective;
  }
  state.doubt = set.doubt;
  if (!(p > 0 && p < 1 && state.effective_inside > 0 && state.effective_outside > 0)) {
    if (state.doubt.empty())
      state.doubt =
          state.effective_inside > 0 ? "no sample is outside the state" : "no sample is in the state";
    return state;
  }
  const double least = std::min(state.effective_inside, state.effective_outside);
  if (state.doubt.empty() && least < WeightQuality::least_effective) {
    state.doubt = fmt::format("only {:.1f} effective samples are {} the state", least,
                              state.effective_inside < state.effective_outside ? "in" : "outside");
  }
  state.free_energy = Estimate{-std::log(p / (1 - p)),
                               state.doubt.empty() ? state.population.error / (p * (1 - p)) : infinity};
  return state;
}

FreeEnergyMap free_energy_map(const SampleSet& set, const ObservedValues& first, const ObservedValues& second,
                              const Bins& first_bins, const Bins& second_bins) {
  require_records(set, first);
  require_records(set, second);
  assert(first.per_record == 1 && second.per_record == 1);
  double inefficiency = 1;  // of correlated records
  for (const ObservedValues* observed : {&first, &second}) {
    if (set.chains.empty() || !set.doubt.empty()) continue;
    const auto slower = [&](const std::function<double(double)>& f) {
      const double effective =
          effective_for(set, map_records(set, [&](std::size_t k) { return f(observed->values[k]); }));
      inefficiency = std::max(inefficiency, set.effective() / effective);
    };
    if (observed->periodic) {
      slower([](double angle) { return std::cos(angle); });
      slower([](double angle) { return std::sin(angle); });
    } else {
      slower([](double value) { return value; });
    }
  }
  FreeEnergyMap map{first_bins, second_bins, {}, 0};
  std::vector<double> shares(first_bins.count * second_bins.count, 0.0), squares(shares.size(), 0.0);
  double all_squares = 0;
  for (std::size_t k = 0; k < set.count(); ++k) {
    const double w = set.weights[k];
    if (!(w > 0)) continue;
    all_squares += w * w;
    const std::size_t a = bin_of(first_bins, first.values[k], first.periodic),
                      b = bin_of(second_bins, second.values[k], second.periodic);
    if (a == first_bins.count || b == second_bins.count) {
      map.outside += w;
      continue;
    }
    shares[a * second_bins.count + b] += w;
    squares[a * second_bins.count + b] += w * w;
  }
  const auto n = static_cast<double>(set.count());
  std::vector<Estimate> probabilities;
  for (std::size_t k = 0; k < shares.size(); ++k) {
    // Σ w² (s − p)² of an indicator s.
    const double p = shares[k], variance = squares[k] * (1 - 2 * p) + p * p * all_squares;
    const double error = std::sqrt(std::max(variance, 0.0) * n / std::max(n - 1, 1.0) * inefficiency);
    probabilities.push_back({p, set.doubt.empty() ? error : infinity});
  }
  map.free_energy = free_energies(probabilities);
  return map;
}

Bins common_bins(std::span<const SetOfValues> sets, std::size_t count) {
  double low = infinity, high = -infinity;
  for (const auto& [set, observed] : sets) {
    if (observed->periodic) return {-kPi, kPi, count};
    std::vector<std::pair<double, double>> weighted;  // value, weight
    double total = 0;
    for (std::size_t v = 0; v < observed->values.size(); ++v) {
      const double w = set->weights[v / observed->per_record];
      if (!(w > 0) || !std::isfinite(observed->values[v])) continue;
      weighted.emplace_back(observed->values[v], w);
      total += w;
    }
    if (weighted.empty()) continue;
    std::ranges::sort(weighted);
    const auto quantile_of = [&](double q) {
      double sum = 0;
      for (const auto& [value, w] : weighted) {
        sum += w;
        if (sum >= q * total) return value;
      }
      return weighted.back().first;
    };
    const double below = quantile_of(0.25), above = quantile_of(0.75), width = above - below;
    double first = quantile_of(0.001), last = quantile_of(0.999);
    if (width > 0) {
      first = std::max(first, below - 5 * width);
      last = std::min(last, above + 5 * width);
    }
    low = std::min(low, first);
    high = std::max(high, last);
  }
  if (!(low <= high)) return {0, 1, count};
  return extended_bins(low, high, count, low, high, 0);
}

}  // namespace equibolt
