#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "equibolt/configurations.h"
#include "simulate/simulation.h"
#include "system/dihedral_bias.h"
#include "system/restrained.h"

namespace equibolt {

// How the config becomes a simulation. Dynamics are of molecules; for other systems they change nothing.

/// The options of a run's simulation: its seed, and for molecules where it begins and their dynamics in the
/// units of LangevinOptions.
SimulateOptions simulate_options_of(const RunConfig& config);

/// Masses, time step and friction for a molecule's dynamics. Throws UsageError.
LangevinOptions langevin_options_of(const MolecularDynamics& dynamics, const Molecule& molecule,
                                    double temperature);

/// The energies of a simulation, with the guards and the bias that the config wants.
struct SimulatedEnergies {
  std::unique_ptr<Energy> ladder;  ///< that the ladder's walkers move under
  std::unique_ptr<Energy> target;  ///< the system's own where the ladder is of a surrogate, else null
  // What the one that is sampled has besides U, owned by it; null where there is none:
  const Restrained* guards = nullptr;
  const Biased* bias = nullptr;
};

/// Throws UsageError where the config's surrogate is one of another energy.
SimulatedEnergies simulated_energies(const RunConfig& config);

/// The bias of the run's training data, as text: that of their file, or simulate.bias where they are
/// simulated.
std::string bias_of_training(const RunConfig& config);
/// The energy whose Boltzmann distribution they are of: the system's, with that bias.
std::unique_ptr<Energy> trained_energy(const RunConfig& config);

}  // namespace equibolt
