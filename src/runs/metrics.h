#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <vector>

#include "equibolt/particle_types.h"
#include "equibolt/samples.h"
#include "system/molecule_options.h"

namespace equibolt {

/// What the distances below need to know of a system.
struct MetricOptions {
  ParticleTypes types;  ///< (N,)
  bool reflections = false;
  std::vector<NamedDihedral> dihedrals = {};  ///< of a molecule
  std::optional<DihedralState> state = {};
  std::uint64_t seed = 0;
};

/// The numbers that the literature quotes, by name; docs/evaluation.md describes each. `test` are samples of
/// the target, of which at least 16 are needed for distances; what cannot be had is not there. The distances
/// are from the first half of `test`, beside that of its second half from the first: their floor.
nlohmann::ordered_json metrics_of(const WeightedSamples& samples, const WeightedSamples& test,
                                  const MetricOptions& options);

/// ΔF = F(state) − F(rest) in kT of a molecule's state from both sides (analyze/two_sided.h): free_energy_bar
/// with its error, the number of independent samples that the rest and the state contribute, and where it is
/// null, the `refusal`. All of the test data have weights.
nlohmann::ordered_json state_free_energy(const WeightedSamples& samples, const WeightedSamples& test,
                                         const MetricOptions& options);

/// W₂ of equally many configurations x, y (n, N, D) under the squared distance that is left when y is
/// permuted within types and rotated onto x (equation 14; an upper bound of the least one): the square root
/// of the mean over the best pairs, in the configurations' unit.
double symmetric_wasserstein2(ConfigurationsView<const float> x, ConfigurationsView<const float> y,
                              const ParticleTypes& types, bool reflections);

/// W₂ of equally many sets of d angles, (n, d) row-major, in radians, under the sum of the squared shortest
/// differences.
double torus_wasserstein2(std::span<const double> a, std::span<const double> b, std::size_t d);

}  // namespace equibolt
