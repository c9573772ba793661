#pragma once

#include <Eigen/Core>
#include <cstddef>

namespace equibolt {

/// The equations that MBAR and WHAM share: with W_kn = exp(f_k − u_kn) / Σ_j N_j exp(f_j − u_jn), find f so
/// that Σ_n c_n W_kn = 1 for every state k. All sums are of logarithms, so that no offset of an energy
/// matters.
struct MultistateProblem {
  Eigen::MatrixXd u;  ///< (K, N): reduced energy of each configuration in each state; may be +∞
  Eigen::VectorXd n;  ///< (K,): samples of each state, all above 0
  Eigen::VectorXd
      counts;             ///< (N,): how often each configuration was met, all above 0; their sum is that of n
  Eigen::VectorXd start;  ///< (K,): f to begin with; empty: from the states' lowest energies
};

struct MultistateSolution {
  Eigen::VectorXd f;                 ///< (K,), up to a constant
  Eigen::VectorXd log_denominators;  ///< (N,): ln Σ_j N_j exp(f_j − u_jn), of that f
  double residual = 0;               ///< greatest |1 − Σ_n c_n W_kn|
  std::size_t iterations = 0;
  /// The equations hold to rounding, and a further step would not move any f_k. False, too, where the states
  /// overlap so little that any difference between their f_k fulfils the equations.
  bool converged = false;
};

/// Throws NumericalError for a configuration that no state allows, and for a state that allows none.
MultistateSolution solve(const MultistateProblem& problem);

}  // namespace equibolt
