#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "analyze/estimate.h"

namespace equibolt {

/// Free energies, in kT, from samples of several states. Energies may be +∞ (a configuration that a state
/// does not allow); NaN and −∞ throw NumericalError.

/// ΔF = F₁ − F₀ by Bennett's acceptance ratio (J. Comput. Phys. 22, 245, 1976), with its asymptotic error.
/// work_forward: U₁ − U₀ at samples of state 0; work_reverse: U₀ − U₁ at samples of state 1. Samples have to
/// be uncorrelated, and the states have to overlap, for the error to be right. Throws NumericalError where
/// one of the sets has no finite work: the states do not overlap.
Estimate bar(std::span<const double> work_forward, std::span<const double> work_reverse);
/// The same with another weight of the two sets than their sizes: `log_ratio` = ln(n₀/n₁) of the numbers of
/// independent samples. Any ratio gives a consistent estimate, and this one the least variance.
Estimate bar(std::span<const double> work_forward, std::span<const double> work_reverse, double log_ratio);

/// The result of `mbar` for K states and N samples.
struct Mbar {
  std::vector<double> free_energies;     ///< f_k − f_0, (K,)
  std::vector<double> covariance;        ///< Θ of the f_k up to a constant, (K, K); use `difference`
  std::vector<double> overlap;           ///< O_ij = N_j Σ_n W_in W_jn, (K, K): rows sum to 1; see below
  std::vector<double> log_denominators;  ///< ln Σ_j N_j exp(f_j − u_jn), (N,)
  double residual = 0;                   ///< greatest |1 − Σ_n W_kn| over states with samples
  std::size_t iterations = 0;
  bool converged = false;  ///< false, too, where states overlap too little to say how their f_k differ

  std::size_t states() const { return free_energies.size(); }
  /// f_j − f_i with its asymptotic error.
  Estimate difference(std::size_t i, std::size_t j) const;
  /// ln of the samples' unnormalised weights (N,) for any state of reduced energies u (N,), for `weights.h`.
  std::vector<double> log_weights(std::span<const double> u) const;
};

/// The multistate Bennett acceptance ratio (Shirts and Chodera, J. Chem. Phys. 129, 124105, 2008).
/// u_kn (K, N), row-major: the reduced energy of every sample in every state; n_k (K,): how many of the N
/// samples were drawn from each state (0 for a state that is only reweighted to). Samples have to be
/// uncorrelated for the errors to be right. An overlap matrix whose neighbours' entries fall
/// below about 0.03 means that the states are too far apart. Whether the solution was reached is in
/// `converged`. Constants in the energies of a state may be as large as they like.
Mbar mbar(std::span<const double> u_kn, std::span<const std::size_t> n_k);

}  // namespace equibolt
