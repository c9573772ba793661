#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "simulate/chain_estimate.h"
#include "simulate/ladder.h"

namespace equibolt {

/// ln(Z_first/Z_last) of a ladder's ends.
struct LogZ {
  /// Below this overlap of a pair of neighbours an estimate has no error bar that could be trusted
  /// (Klimovich, Shirts, Mobley 2015).
  static constexpr double least_overlap = 0.03;

  /// With an infinite error where any overlap is below `least_overlap`; none where fewer than one sample of a
  /// pair lies in the overlap, so that nothing connects the ends.
  std::optional<ChainEstimate> log_z;
  /// (K−1,): of each pair of neighbours, the mean of 2 p (1−p) where p is the probability that a sample of
  /// either came from the first; ½ for equal distributions, 0 for disjoint ones.
  std::vector<double> overlap;
};

/// Two neighbouring distributions a and b, a's the side that is asked for: differences of their reduced
/// energies at samples that were recorded together.
struct Neighbours {
  std::vector<double> forward;  // (records, C): u_a − u_b at samples of b
  std::vector<double> reverse;  // (records, C): u_b − u_a at samples of a
};

/// Those of a ladder. energy and half_square (records, C, K) are U and ½|x|² of each rung's samples.
std::vector<Neighbours> ladder_neighbours(std::span<const Rung> rungs, std::span<const double> energy,
                                          std::span<const double> half_square);

/// By Bennett's acceptance ratio between neighbours, each b the next one's a, at least one pair. The error
/// takes account of correlations in time and between rungs: to first order the result is the mean of a series
/// of each record's contribution, which is treated as any other. Never throws for neighbours that do not
/// overlap.
LogZ log_z_of(std::span<const Neighbours> pairs, std::size_t chains);

}  // namespace equibolt
