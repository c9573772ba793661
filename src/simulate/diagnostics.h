#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace equibolt {

/// One quantity's series in each chain, from values (T, chains, columns): [chain][t].
std::vector<std::vector<double>> series_of(std::span<const double> values, std::size_t chains,
                                           std::size_t columns, std::size_t column);

/// The statistical inefficiency 1 + 2 Σ_t ρ(t) of several chains of one distribution: the mean over chains,
/// in steps of the series.
double autocorrelation_time(std::span<const std::vector<double>> chains);

/// Split R̂ (Gelman et al., Bayesian Data Analysis, 3rd ed., section 11.4): each chain is cut in two, and the
/// spread between the halves compared with that within. 1 when all agree; above 1.01 they do not yet.
double split_r_hat(std::span<const std::vector<double>> chains);

/// A mean over chains and how far it can be trusted.
struct Estimate {
  double value;
  double error;        ///< standard error, from the autocorrelation time
  double chain_error;  ///< the same from the spread of the chains' means: rougher, but free of assumptions
  double autocorrelation_time;  ///< in steps of the series
  double effective_samples;     ///< of all chains together
  double r_hat;
};
Estimate estimate_of(std::span<const std::vector<double>> chains);

}  // namespace equibolt
