#include "analyze/estimate.h"

#include <limits>

namespace equibolt {

Estimate mean(std::span<const double> values) {
  require_count(values.size(), 1, "mean");
  const auto n = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value;
  const double mean = sum / n;
  if (values.size() == 1) return {mean, std::numeric_limits<double>::infinity()};
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, std::sqrt(squares / (n * (n - 1)))};
}

}  // namespace equibolt
