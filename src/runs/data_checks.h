#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyze/estimate.h"
#include "config/config.h"
#include "equibolt/configurations.h"
#include "system/parallel_energy.h"

namespace equibolt {

/// ⟨x·∇U⟩ over configurations, and what it is over equilibrium samples of exp(−U) with a fixed mean: the
/// virial theorem says (N − 1) D, whatever U is. A wrong unit of length or energy, a factor before a pair's
/// energy or another temperature shows in it without any simulation.
struct Virial {
  Estimate found;  ///< kT; its error allows for correlations in the order of the configurations
  double expected;
};

/// Over x (B, N, D), of which those without an energy are left out. Nothing where fewer than 30 are left.
std::optional<Virial> virial_of(ParallelEnergy& energy, ConfigurationsView<const double> x);

/// Configurations whose energies lie far outside the rest: more than twenty interquartile ranges below the
/// first quartile or above the third. Ascending; empty for fewer than 30. Only finite energies count.
std::vector<std::size_t> outliers(std::span<const double> energies);

/// What casts doubt on configurations x (B, N, D) as samples to train on, given their energies (B,; not
/// finite where there is none), each a sentence that names what was found: configurations that are not of the
/// molecule, energies far outside the rest, energies that are all the same, a virial that is not that of
/// equilibrium.
std::vector<std::string> data_warnings(const RunConfig& config, ParallelEnergy& energy,
                                       ConfigurationsView<const double> x, std::span<const double> energies);

}  // namespace equibolt
