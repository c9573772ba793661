#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "simulate/chain_estimate.h"
#include "simulate/ladder.h"

namespace equibolt {

/// ln(Z_first/Z_last) of a ladder's ends.
struct LogZ {
  ChainEstimate log_z;
  /// (K−1,): of each pair of neighbours, the mean of 2 p (1−p) where p is the probability that a sample of
  /// either came from the first; ½ for equal distributions, 0 for disjoint ones. Below 0.03 the result is
  /// not to be trusted (Klimovich, Shirts, Mobley 2015).
  std::vector<double> overlap;
};

/// By Bennett's acceptance ratio between neighbours. energy and half_square (records, C, K) are U and ½|x|²
/// of each rung's samples. The error takes account of correlations in time and between rungs: to first order
/// the result is the mean of a series of each record's contribution, which is treated as any other.
LogZ log_z_of(std::span<const Rung> rungs, std::span<const double> energy,
              std::span<const double> half_square, std::size_t chains);

}  // namespace equibolt
