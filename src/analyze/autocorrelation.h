#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "analyze/estimate.h"

namespace equibolt {

/// Statistics of observables along Markov chains. All throw NumericalError for a value that is not finite.

/// The integrated autocorrelation time τ = 1 + 2 Σ_k ρ_k of a stationary series, in steps: the mean of n
/// steps is as good as one of n/τ independent values (the statistical inefficiency g of other texts). The sum
/// ends by Geyer's initial monotone sequence (Statistical Science 7, 473, 1992). A constant series has τ = n:
/// a chain that never moved is one sample. At least 4 steps.
double autocorrelation_time(std::span<const double> series);

/// The mean of a correlated series. The error is from autocorrelation_time, never smaller than if the values
/// were independent, and as if they were where there are fewer than 4 steps.
Estimate correlated_mean(std::span<const double> series);

/// Effective number of independent samples in chains of equal length, halves compared with one another, so
/// that chains that disagree count for little (Vehtari et al., Bayesian Analysis 16, 667, 2021, without
/// ranks). At least one chain of at least 8 steps.
double effective_sample_size(std::span<const std::vector<double>> chains);

/// Split R̂ of the same paper: √(variance over all / variance within half chains), 1 for chains that have
/// forgotten where they began; above 1.01 they have not. Infinite for different chains that do not move.
double split_r_hat(std::span<const std::vector<double>> chains);

}  // namespace equibolt
