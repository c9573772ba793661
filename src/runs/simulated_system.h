#pragma once

#include <memory>
#include <span>
#include <vector>

#include "config/config.h"
#include "equibolt/configurations.h"
#include "simulate/simulation.h"

namespace equibolt {

// How the config becomes a simulation. Dynamics are of molecules; for other systems they change nothing.

/// The options of a run's simulation: its seed, and for molecules where it begins and their dynamics in the
/// units of LangevinOptions.
SimulateOptions simulate_options_of(const RunConfig& config);

/// Masses, time step and friction for a molecule's dynamics. Throws UsageError.
LangevinOptions langevin_options_of(const MolecularDynamics& dynamics, const Molecule& molecule,
                                    double temperature);

/// The energy that a simulation samples: the system's, with guards where the config wants them.
std::unique_ptr<Energy> simulated_energy(const RunConfig& config);

}  // namespace equibolt
