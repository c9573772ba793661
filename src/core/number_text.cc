#include "core/number_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace equibolt {
namespace {

constexpr double kSmallest = 1e-10;  // below it, fixed decimals are too many to read

bool is_measure(double size) {
  return std::isfinite(size) && size > kSmallest;
}

/// The decimals that show `digits` digits of a number of this size.
int decimals_of(double size, int digits) {
  const double exponent = std::floor(std::log10(size));
  return static_cast<int>(std::max(0.0, digits - 1 - exponent));
}

}  // namespace

std::string to_error(double value, double error) {
  if (!is_measure(error)) return fmt::format("{:.5g}", value);
  return fmt::format("{:.{}f}", value, decimals_of(error, 2));
}

std::string with_error(double value, double error) {
  if (!std::isfinite(error)) return fmt::format("{:.5g} (no error bar)", value);
  return fmt::format("{} ± {}", to_error(value, error), to_error(error, error));
}

std::string range_text(double low, double high) {
  const double width = high - low;
  // Fixed decimals of huge numbers would be digits that say nothing.
  if (!is_measure(width) || !(std::max(std::abs(low), std::abs(high)) < 1e9))
    return fmt::format("{:.6g} to {:.6g}", low, high);
  const int decimals = decimals_of(width, 3);
  return fmt::format("{:.{}f} to {:.{}f}", low, decimals, high, decimals);
}

}  // namespace equibolt
