#include "analyze/log_space.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace equibolt {

double log_sum_exp(std::span<const double> values) {
  if (values.empty()) return -std::numeric_limits<double>::infinity();
  const double top = *std::max_element(values.begin(), values.end());
  if (!std::isfinite(top)) return top;
  double sum = 0;
  for (const double value : values) sum += std::exp(value - top);
  return top + std::log(sum);
}

double log_fermi(double x) {
  return x > 0 ? -x - std::log1p(std::exp(-x)) : -std::log1p(std::exp(x));
}

}  // namespace equibolt
