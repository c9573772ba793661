#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "equibolt/configurations.h"
#include "equibolt/estimate.h"

namespace equibolt {

/// Why a sample has weight zero.
enum class SampleStatus : std::uint8_t {
  ok = 0,
  energy_not_finite = 1,
  energy_failed = 2,
  path_not_finite = 3,
  path_too_long = 4,  ///< dopri5 gave up
};

/// Configurations with what reweighting needs, all (B,) beside x (B, N, D).
struct WeightedSamples {
  Configurations<double> x;
  /// log p of the flow on the mean-free subspace, normalised: with the prior's constant.
  std::vector<double> log_density;
  std::vector<double> energy;  ///< U, kT
  /// −U − log p − ln Z_prior; −∞ unless status is ok. Its log-mean-exp over flow samples is
  /// ln(Z_target/Z_prior).
  std::vector<double> log_weight;
  std::vector<double> arc_length;
  std::vector<double> displacement;
  std::vector<std::size_t> evaluations;  ///< of the vector field
  std::vector<std::size_t> divergences;  ///< among them, those with the divergence
  std::vector<SampleStatus> status;

  std::size_t failed() const;
};

// Estimates from samples of a flow; failed samples count, with weight zero. All throw NumericalError where
// all samples failed. Errors are infinite where the weights do not tell them: where they are worth fewer than
// 10 samples, or where a few of them dominate (the Pareto shape of their tail is above 0.7, or fewer than 25
// are not zero).

/// Kish's effective sample size as a fraction of B, with its bootstrap error.
Estimate effective_fraction(const WeightedSamples& samples);

/// ln(Z_target/Z_prior), by the mean of the weights.
Estimate log_z(const WeightedSamples& samples);

/// ⟨a⟩ in the target's distribution from the values a (B,) at the samples.
Estimate reweighted_mean(const WeightedSamples& samples, std::span<const double> values);

}  // namespace equibolt
