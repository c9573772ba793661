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
  /// The equations are solved. False, too, where the states overlap too little to say how they differ.
  bool converged = false;
};

/// The weighted histogram analysis method (Kumar et al., J. Comput. Chem. 13, 1011, 1992), which is MBAR on
/// bins. counts (B,): of the samples of all states together; samples (K,): how many each state has; bias
/// (K, B), row-major: of each state at each bin, kT, which may be +∞. `start`, unless empty, are free
/// energies to begin with. Throws DataError for shapes that do not fit and for no samples, NumericalError for
/// a bias that is NaN or −∞, a bin with samples that no state allows, and a state that allows none of them.
Wham wham(std::span<const double> counts, std::span<const double> samples, std::span<const double> bias,
          std::span<const double> start = {});

}  // namespace equibolt
