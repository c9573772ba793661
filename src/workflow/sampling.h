#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/configurations.h"
#include "workflow/session.h"

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

/// Samples first, …, first+count−1 of `seed` from the flow.
WeightedSamples draw_samples(Session& session, std::uint64_t seed, std::size_t first, std::size_t count);

/// The same quantities for given configurations (B, N, D), which are centred first.
WeightedSamples weigh_configurations(Session& session, ConfigurationsView<const double> x);

/// Puts `more` behind `samples`, which may be empty.
void append(WeightedSamples& samples, const WeightedSamples& more);

/// npz with x (B,N,D) float32 and, (B,) each, log_density, energy, log_weight, path_length,
/// path_displacement (float64), evaluations, divergences (int64) and status (uint8); `about` as text.
void write_samples(const std::filesystem::path& path, const WeightedSamples& samples,
                   const std::string& about);
/// What write_samples wrote, but x with float32's precision. Throws IoError or DataError.
WeightedSamples read_samples(const std::filesystem::path& path);

}  // namespace equibolt
