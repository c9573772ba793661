#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/random.h"

namespace equibolt {

/// How to resample.
struct Bootstrap {
  std::uint64_t seed = 0;
  std::size_t repetitions = 200;
  std::size_t block = 1;  ///< length of the blocks drawn together, several autocorrelation times for a series
};

/// Fills `indices` with numbers in [0, indices.size()): blocks of neighbours drawn with replacement.
void draw_blocks(std::span<std::size_t> indices, std::size_t block, Random& random);

/// The estimator's value for each of the resampled data sets: it is called with n indices in [0, n), blocks
/// of neighbours drawn with replacement (circular block bootstrap; Efron 1979, Politis and Romano 1992).
std::vector<double> bootstrap(std::size_t n,
                              const std::function<double(std::span<const std::size_t>)>& estimator,
                              const Bootstrap& options = {});

/// The standard deviation of `bootstrap`'s values: the estimator's standard error. Misleading where a few
/// values dominate, as with heavy-tailed weights: those that were not drawn cannot be resampled.
double bootstrap_error(std::size_t n, const std::function<double(std::span<const std::size_t>)>& estimator,
                       const Bootstrap& options = {});

}  // namespace equibolt
