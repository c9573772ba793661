#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "analyze/estimate.h"

namespace equibolt {

/// The density of an observable in equal bins of [low, high).
struct Histogram {
  double low = 0;
  double high = 1;
  std::vector<Estimate> density;  ///< per unit of the observable; with `outside` it integrates to 1
  double outside = 0;             ///< share of the weight beyond the bins

  double bin_width() const { return (high - low) / static_cast<double>(density.size()); }
  double centre(std::size_t bin) const { return low + (static_cast<double>(bin) + 0.5) * bin_width(); }
};

/// Of independent values with weights (none: all equal). A bin's share is the reweighted mean of its
/// indicator function, and so is its error. Throws NumericalError for NaN where the weight is not zero.
Histogram histogram(std::span<const double> values, double low, double high, std::size_t bins,
                    std::span<const double> log_weights = {});

}  // namespace equibolt
