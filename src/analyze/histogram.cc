#include "analyze/histogram.h"

#include <algorithm>
#include <cmath>

#include "analyze/autocorrelation.h"
#include "analyze/weights.h"

namespace equibolt {
namespace {

/// Σ w s, Σ w² s and Σ w² s² of a bin, where s is the share of a record's values in it.
struct BinSums {
  double share = 0, linear = 0, square = 0;
};

void check(const Records& records, const Bins& bins) {
  require_count(records.count, 2, "histogram");
  require_count(bins.count, 1, "histogram: bins");
  if (!(bins.low < bins.high)) throw DataError("histogram: from {} to {}", bins.low, bins.high);
  if (!records.log_weights.empty() && records.log_weights.size() != records.count) {
    throw DataError("histogram: {} values, {} weights", records.count, records.log_weights.size());
  }
  if (records.series && !records.log_weights.empty()) throw DataError("histogram: a series with weights");
}

/// The share of the values in each bin and, last, in none.
void find_shares(const Bins& bins, std::span<const double> values, std::vector<double>& shares) {
  std::fill(shares.begin(), shares.end(), 0.0);
  for (const double value : values) {
    const bool inside = value >= bins.low && value < bins.high;
    const double position = (value - bins.low) / (bins.high - bins.low) * static_cast<double>(bins.count);
    const std::size_t bin =
        inside ? std::min(static_cast<std::size_t>(position), bins.count - 1) : bins.count;
    shares[bin] += 1 / static_cast<double>(values.size());
  }
}

}  // namespace

Histogram histogram(const Records& records, const Bins& bins) {
  check(records, bins);
  const auto n = static_cast<double>(records.count);
  const std::vector<double> weights = records.log_weights.empty() ? std::vector<double>(records.count, 1 / n)
                                                                  : normalised_weights(records.log_weights);
  std::vector<BinSums> sums(bins.count);
  std::vector<double> values, shares(bins.count + 1);
  std::vector<std::vector<double>> series(records.series ? bins.count : 0,
                                          std::vector<double>(records.count));
  double all_squares = 0;
  Histogram result{bins, std::vector<Estimate>(bins.count), 0};
  for (std::size_t k = 0; k < records.count; ++k) {
    const double w = weights[k];
    if (!(w > 0)) continue;
    values.clear();
    records.append_values(k, values);
    if (std::ranges::any_of(values, [](double value) { return std::isnan(value); })) {
      throw NumericalError("histogram: value {} is not a number", k);
    }
    find_shares(bins, values, shares);
    all_squares += w * w;
    result.outside += w * shares[bins.count];
    for (std::size_t bin = 0; bin < bins.count; ++bin) {
      const double share = shares[bin];
      sums[bin].share += w * share;
      sums[bin].linear += w * w * share;
      sums[bin].square += w * w * share * share;
      if (records.series) series[bin][k] = share;
    }
  }
  for (std::size_t bin = 0; bin < bins.count; ++bin) {
    // Σ w² (s − p)² = Σ w² s² − 2p Σ w² s + p² Σ w².
    const double p = sums[bin].share;
    const double squares = sums[bin].square - 2 * p * sums[bin].linear + p * p * all_squares;
    const double error =
        records.series ? correlated_mean(series[bin]).error : std::sqrt(std::max(squares, 0.0) * n / (n - 1));
    result.density[bin] = {p / bins.width(), error / bins.width()};
  }
  return result;
}

Histogram histogram(std::span<const double> values, const Bins& bins, std::span<const double> log_weights) {
  return histogram(
      Records{.count = values.size(),
              .append_values = [&](std::size_t k, std::vector<double>& out) { out.push_back(values[k]); },
              .log_weights = log_weights},
      bins);
}

Bins extended_bins(double low, double high, std::size_t count, double other_low, double other_high,
                   std::size_t most) {
  // A little more than the highest value, which is to lie in the last bin; something where all are equal.
  const double range = std::max(high - low, 1e-6 * std::max(1.0, std::abs(high)));
  const double above = low + range * (1 + 1e-9);
  const double width = (above - low) / static_cast<double>(count);
  const auto bins_for = [&](double distance) {
    if (!(distance > 0)) return 0.0;
    return std::min(std::ceil(distance / width * (1 + 1e-12)), static_cast<double>(most));
  };
  const double before = bins_for(low - other_low), behind = bins_for(other_high - above);
  return {low - before * width, above + behind * width, count + static_cast<std::size_t>(before + behind)};
}

}  // namespace equibolt
