#pragma once

#include <cstddef>
#include <span>

#include "analyze/estimate.h"

namespace equibolt {

/// How well a flow's density fits samples of the target. ln p̃ is the log density without the prior's
/// constant: ln p = ln p̃ − prior_log_normalisation. Errors take account of
/// correlations between samples in their given order. All throw NumericalError for a value that is not
/// finite.

/// ((N−1) D / 2) ln 2π: the prior is a unit Gaussian on the mean-free subspace.
double prior_log_normalisation(std::size_t particles, std::size_t dim);

struct NegativeLogLikelihood {
  Estimate without_normalisation;  ///< −⟨ln p̃⟩, as the paper's Table 1 has it
  Estimate normalised;             ///< −⟨ln p⟩, as its Table 3 has it
};
NegativeLogLikelihood negative_log_likelihood(std::span<const double> log_density, std::size_t particles,
                                              std::size_t dim);

/// The Kullback–Leibler divergence of the flow p from the target μ = e^(−U) / Z,
///   KL(μ‖p) = ⟨ln μ − ln p⟩ = ΔF − ⟨U + ln p̃⟩,   ΔF = −ln(Z_target / Z_prior),
/// over test samples of the target. Pairing U and ln p̃ at the same points removes most of the noise that the
/// NLL alone has. The error holds that of ΔF.
Estimate divergence_from_target(const Estimate& free_energy, std::span<const double> energy,
                                std::span<const double> log_density);

/// ⟨U⟩ − ΔF: the NLL (without normalisation) that a perfect flow would have on these test samples.
Estimate lowest_negative_log_likelihood(const Estimate& free_energy, std::span<const double> energy);

}  // namespace equibolt
