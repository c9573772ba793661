#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace equibolt {

/// The result of `wham` for B bins and K biased states.
struct Wham {
  std::vector<double> probability;  ///< of the unbiased state, (B,), sums to 1; 0 where no state has samples
  std::vector<double> free_energies;  ///< of the biased states against the unbiased one, kT, (K,)
  std::size_t iterations = 0;
  bool converged = false;
};

/// The weighted histogram analysis method (Kumar et al., J. Comput. Chem. 13, 1011, 1992), which is MBAR on
/// bins. counts (B,): of the samples of all states together; samples (K,): how many each state has; bias
/// (K, B), row-major: of each state at each bin, kT. `start`, unless empty, are free energies to begin with;
/// it is converged where no free energy changes by `tolerance` in an iteration. Throws DataError for shapes
/// that do not fit and for no samples.
Wham wham(std::span<const double> counts, std::span<const double> samples, std::span<const double> bias,
          std::span<const double> start = {}, double tolerance = 1e-9);

}  // namespace equibolt
