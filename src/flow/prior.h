#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "equibolt/configurations.h"

namespace equibolt {

/// The prior q: a unit Gaussian on the mean-free subspace of (N, D) configurations, (N−1)·D degrees of
/// freedom.

/// Prior samples number first, first+1, … of `seed` into x (B, N, D). Sample i is the same whatever else is
/// drawn.
void sample_prior(std::uint64_t seed, std::size_t first, ConfigurationsView<double> x);

/// ln q(x) without its constant (analyze/likelihood.h has it): −½|x|², for one mean-free configuration.
double prior_log_density(std::span<const double> x);

}  // namespace equibolt
