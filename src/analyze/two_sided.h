#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyze/estimate.h"

namespace equibolt {

/// Estimates from samples of both sides, the flow and the target. All are given ln w = −U − ln p̃, which is
/// −∞ for a sample of the flow that has weight zero; anything else that is not finite throws NumericalError.
/// The flow's samples are independent. Those of the target must not have been trained on; they are in the
/// order of time, one chain after another.

/// ln(Z_target/Z_prior) by Bennett's acceptance ratio, and how far it can be trusted.
struct TwoSided {
  /// Below this `effective` the errors of repetitions are no longer those that are estimated.
  static constexpr double least_effective = 20;

  std::optional<Estimate> log_z;  ///< none where the two sides do not overlap; asymptotic error
  std::string refusal;            ///< why there is none
  double bootstrap_error = 0;     ///< the same error by resampling both sides, as a check
  double overlap = 0;             ///< ∫ pμ/(p+μ): ½ for equal distributions, 0 for disjoint ones
  /// The number of independent samples that the estimate rests on, (Σf)²/Σf² with Bennett's weights f of one
  /// side, of the target's divided by `inefficiency`; the smaller one of the two sides.
  double effective = 0;
  double inefficiency = 1;  ///< g of the target's samples: n of them are worth n/g independent ones
};
TwoSided two_sided_log_z(std::span<const double> log_weights, std::span<const double> log_weights_of_target,
                         std::uint64_t seed = 0);

/// Samples with the states that they lie in.
struct StateSamples {
  std::span<const double> log_weights;  ///< (n,)
  std::span<const char> in_state;       ///< (n,): 1 in the state, 0 in the rest
};

/// ΔF = F(state) − F(rest) in kT.
struct TwoSidedDifference {
  std::optional<Estimate> free_energy;
  std::string refusal;  ///< why there is none
  TwoSided rest, state;
};
/// ΔF = −ln[P(state)/P(rest)] − (c_state − c_rest), with P the shares of the flow's samples and c_s = ln
/// E[w | s] by two_sided_log_z of the samples in s. How many of the target's samples lie in which state does
/// not matter: they need not have crossed between them, nor be there in the target's proportion.
TwoSidedDifference two_sided_free_energy(const StateSamples& flow, const StateSamples& target,
                                         std::uint64_t seed = 0);

}  // namespace equibolt
