#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "equibolt/error.h"
#include "equibolt/estimate.h"

namespace equibolt {

/// The mean of independent numbers; the error needs two of them and is infinite for one.
Estimate mean(std::span<const double> values);

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
