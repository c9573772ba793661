#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "equibolt/error.h"
#include "equibolt/estimate.h"

namespace equibolt {

/// The mean of independent numbers; the error needs two of them and is infinite for one.
Estimate mean(std::span<const double> values);

/// Their mean alone. At least one value.
double average(std::span<const double> values);

/// The standard deviation of independent numbers, with n − 1. At least two values.
double standard_deviation(std::span<const double> values);

/// The value below which the share q in [0, 1] of ascending values lies, interpolated linearly between
/// neighbours, as NumPy does. At least one value.
double quantile(std::span<const double> ascending, double q);

/// Throws NumericalError that names `what` and the index of the first number that is not finite.
inline void require_finite(std::span<const double> values, const char* what) {
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (!std::isfinite(values[k])) throw NumericalError("{}: element {} is {}", what, k, values[k]);
  }
}

/// Throws DataError that names `what`.
inline void require_count(std::size_t found, std::size_t least, const char* what) {
  if (found < least) throw DataError("{}: {} values found, at least {} expected", what, found, least);
}

}  // namespace equibolt
