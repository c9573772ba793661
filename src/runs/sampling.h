#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "equibolt/configurations.h"
#include "equibolt/samples.h"
#include "runs/session.h"

namespace equibolt {

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
