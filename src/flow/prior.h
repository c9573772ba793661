#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/configurations.h"

namespace equibolt {

/// The prior q: a unit Gaussian on the mean-free subspace of (N, D) configurations, (N−1)·D degrees of
/// freedom.

/// Prior samples number first, first+1, … of `seed` into x (B, N, D). Sample i is the same whatever else is
/// drawn.
void sample_prior(std::uint64_t seed, std::size_t first, ConfigurationsView<double> x);

/// ln q(x) without its constant: −½|x|², for one mean-free configuration.
double prior_log_density(std::span<const double> x);

/// ln Z_prior = ((N−1)·D/2) ln 2π: subtract it from prior_log_density for the normalised density.
double prior_log_normalisation(std::size_t particles, std::size_t dim);

}  // namespace equibolt
