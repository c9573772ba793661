#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "analyze/estimate.h"

namespace equibolt {

/// One quantity's series in each chain, from values (T, chains, columns): [chain][t].
std::vector<std::vector<double>> series_of(std::span<const double> values, std::size_t chains,
                                           std::size_t columns, std::size_t column);

/// A mean over several chains of one distribution, and how far it can be trusted.
struct ChainEstimate {
  Estimate estimate;                ///< error from the autocorrelation time
  double chain_error = 0;           ///< the same from the spread of the chains' means: rougher, assumes less
  double autocorrelation_time = 1;  ///< 1 + 2 Σ ρ, in steps of the series
  double effective_samples = 0;     ///< of all chains together
  double r_hat = 0;                 ///< split R̂
};

/// Chains of equal length, at least 8 steps.
ChainEstimate estimate_of(std::span<const std::vector<double>> chains);

/// The mean Σ w a / Σ w over chains of values a and of weights w of the same lengths: to first order that of
/// the series ā + w (a − ā) / w̄.
ChainEstimate weighted_estimate_of(std::span<const std::vector<double>> chains,
                                   std::span<const std::vector<double>> weights);

}  // namespace equibolt
