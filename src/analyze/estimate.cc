#include "analyze/estimate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace equibolt {

double average(std::span<const double> values) {
  require_count(values.size(), 1, "mean");
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(std::span<const double> values) {
  require_count(values.size(), 2, "standard deviation");
  const double centre = average(values);
  double squares = 0;
  for (const double value : values) squares += (value - centre) * (value - centre);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

Estimate mean(std::span<const double> values) {
  if (values.size() == 1) return {values[0], std::numeric_limits<double>::infinity()};
  return {average(values), standard_deviation(values) / std::sqrt(static_cast<double>(values.size()))};
}

double quantile(std::span<const double> ascending, double q) {
  require_count(ascending.size(), 1, "quantile");
  if (!(q >= 0 && q <= 1)) throw DataError("quantile {}, expected 0 to 1", q);
  const double position = q * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  return std::lerp(ascending[below], ascending[above], position - static_cast<double>(below));
}

}  // namespace equibolt
