#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analyze/two_sample.h"

namespace equibolt {

/// Distances of two distributions of which there are (weighted) samples. Every one of them is above zero for
/// two samples of one distribution, the more so the fewer there are: compare with that of such a pair.

/// W₂ = √∫ (Q_a(u) − Q_b(u))² du of two distributions on a line, Q their quantile functions: exact. Throws
/// NumericalError for a value that is not finite, or if all weights are zero. Values of weight zero are not
/// looked at; autocorrelation times do not matter.
double wasserstein2(const ObservedSample& a, const ObservedSample& b);

/// The shares of weighted pairs of angles (n,), in radians, in bins × bins equal squares of the torus,
/// row-major. Angles may be given in any turn.
std::vector<double> torus_map(std::span<const double> phi, std::span<const double> psi,
                              std::span<const double> log_weights, std::size_t bins);

/// ½ Σ |a − b|, from 0 to 1, of two sets of shares that each add up to 1.
double total_variation(std::span<const double> a, std::span<const double> b);

/// n indices of samples with these weights, ascending, a sample of weight w either ⌊n w⌋ or ⌈n w⌉ times
/// (systematic resampling, w normalised). Throws NumericalError if all weights are zero.
std::vector<std::size_t> resampled(std::span<const double> log_weights, std::size_t n, std::uint64_t seed);

}  // namespace equibolt
