#include "analyze/histogram.h"

#include <algorithm>
#include <cmath>

#include "analyze/weights.h"

namespace equibolt {

Histogram histogram(std::span<const double> values, double low, double high, std::size_t bins,
                    std::span<const double> log_weights) {
  require_count(values.size(), 2, "histogram");
  require_count(bins, 1, "histogram: bins");
  if (!(low < high)) throw DataError("histogram: from {} to {}", low, high);
  if (!log_weights.empty() && log_weights.size() != values.size()) {
    throw DataError("histogram: {} values, {} weights", values.size(), log_weights.size());
  }
  const auto n = static_cast<double>(values.size());
  const std::vector<double> weights =
      log_weights.empty() ? std::vector<double>(values.size(), 1 / n) : normalised_weights(log_weights);
  std::vector<double> share(bins);
  std::vector<double> squares(bins);
  double all_squares = 0;
  Histogram result{low, high, std::vector<Estimate>(bins), 0};
  for (std::size_t k = 0; k < values.size(); ++k) {
    const double w = weights[k];
    if (!(w > 0)) continue;
    if (std::isnan(values[k])) throw NumericalError("histogram: value {} is not a number", k);
    all_squares += w * w;
    if (!(values[k] >= low && values[k] < high)) {
      result.outside += w;
      continue;
    }
    const double position = (values[k] - low) / (high - low) * static_cast<double>(bins);
    const std::size_t bin = std::min(static_cast<std::size_t>(position), bins - 1);
    share[bin] += w;
    squares[bin] += w * w;
  }
  for (std::size_t bin = 0; bin < bins; ++bin) {
    // Σ w² (1_bin − p)² = (1 − 2p) Σ_bin w² + p² Σ w².
    const double p = share[bin];
    const double variance = std::max((1 - 2 * p) * squares[bin] + p * p * all_squares, 0.0) * n / (n - 1);
    result.density[bin] = {p / result.bin_width(), std::sqrt(variance) / result.bin_width()};
  }
  return result;
}

}  // namespace equibolt
