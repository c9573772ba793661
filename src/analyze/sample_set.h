#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "analyze/estimate.h"

namespace equibolt {

/// How averages over n records of a distribution are taken: independent records with or without weights, or
/// the correlated records of chains. A record of weight zero is not looked at, whatever its values.
struct SampleSet {
  std::vector<double> weights;      ///< (n,), their sum is 1
  std::vector<std::size_t> chains;  ///< lengths, chain after chain, in time; empty: independent records
  std::string doubt;                ///< why no average has an error bar, for people; empty where all have

  std::size_t count() const { return weights.size(); }
  /// Kish's effective number of records, as if independent.
  double effective() const;
};

/// n independent records of equal weight.
SampleSet independent_set(std::size_t n);
/// Records of importance weights, see weights.h, whose rules say whether averages have error bars. Throws
/// NumericalError for NaN and +∞, and if all weights are zero.
SampleSet weighted_set(std::span<const double> log_weights);
/// Chains of these lengths, of equal weights.
SampleSet chain_set(std::vector<std::size_t> lengths);
/// The same with importance weights, as weighted_set.
SampleSet weighted_chain_set(std::vector<std::size_t> lengths, std::span<const double> log_weights);

/// The set without the records for which `keep` (n,) is false: they get weight zero. Throws NumericalError
/// where nothing is left. A chain loses them, so that those before and behind become neighbours.
SampleSet without(const SampleSet& set, const std::vector<bool>& keep);

/// The mean of values (n,) with its error, infinite where the set has a doubt:
/// - independent records: the delta method, √(n/(n−1) Σ w² (a − ā)²), as reweighted_mean;
/// - chains of one length: from the effective number of samples of all chains together (autocorrelation.h);
///   of different lengths: from each chain's autocorrelation time; of fewer than 8 records: from the spread
///   of the chains' means. It is never smaller than for independent records. What is correlated is what
///   each record adds to the mean, n w (a − ā), so that weights are accounted for.
/// Throws NumericalError for a value that is not finite at a weight that is not zero.
Estimate mean_over(const SampleSet& set, std::span<const double> values);

/// How many times as many independent records the error of mean_over is worth: (n,) → n_independent, the
/// statistical inefficiency's inverse times n for chains, and Kish's effective number for weights.
double effective_for(const SampleSet& set, std::span<const double> values);

}  // namespace equibolt
