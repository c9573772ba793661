#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "analyze/estimate.h"

namespace equibolt {

/// Equal bins of [low, high).
struct Bins {
  double low = 0;
  double high = 1;
  std::size_t count = 50;

  double width() const { return (high - low) / static_cast<double>(count); }
  double centre(std::size_t bin) const { return low + (static_cast<double>(bin) + 0.5) * width(); }
};

/// The density of an observable.
struct Histogram {
  Bins bins;
  std::vector<Estimate> density;  ///< per unit of the observable; with `outside` it integrates to 1
  double outside = 0;             ///< share of the weight beyond the bins
};

/// Independent records, as configurations are, each of which has one or several values, as its pair distances
/// are: the values of one record are not independent.
struct Records {
  std::size_t count = 0;
  std::function<void(std::size_t record, std::vector<double>& values)> append_values;
  std::span<const double> log_weights = {};  ///< of the records; none: all equal
  /// The records, of equal weights, follow one another in time and are correlated.
  bool series = false;
};

/// A bin's share is the (reweighted) mean over the records of the share of their values in it, and so is its
/// error. Holds the values of one record at a time. Throws NumericalError for NaN where the weight is not
/// zero.
Histogram histogram(const Records& records, const Bins& bins);
/// Of records of one value.
Histogram histogram(std::span<const double> values, const Bins& bins,
                    std::span<const double> log_weights = {});

/// Bins as wide as `count` of them over [low, high], which has values, and continued, up to `most` on either
/// side, to where [other_low, other_high] ends.
Bins extended_bins(double low, double high, std::size_t count, double other_low, double other_high,
                   std::size_t most);

}  // namespace equibolt
