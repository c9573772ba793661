#include "runs/simulated_system.h"

#include <utility>

#include "equibolt/error.h"
#include "runs/surrogate_energy.h"
#include "system/restrained.h"
#include "system/units.h"

namespace equibolt {

LangevinOptions langevin_options_of(const MolecularDynamics& dynamics, const Molecule& molecule,
                                    double temperature) {
  LangevinOptions options;
  options.timestep = dynamics.timestep_fs * units::femtosecond(temperature);
  options.friction = dynamics.friction_per_ps * units::per_picosecond(temperature);
  options.masses = molecule.masses();
  if (dynamics.hydrogen_mass > 0) {
    const std::vector<int> elements = molecule.elements();
    const auto neighbours = neighbours_of(molecule.size(), bonds_of(elements, molecule.positions.data()));
    options.masses = with_heavy_hydrogens(options.masses, elements, neighbours, dynamics.hydrogen_mass);
  }
  return options;
}

SimulateOptions simulate_options_of(const RunConfig& config) {
  SimulateOptions options = config.simulate;
  options.seed = config.seed;
  const MoleculeOptions* options_of_molecule = molecule_options_of(config.system);
  if (options_of_molecule == nullptr) return options;
  const Molecule molecule = load_molecule(options_of_molecule->structure);
  options.start = molecule.positions;
  options.langevin = langevin_options_of(config.dynamics, molecule, options_of_molecule->temperature);
  return options;
}

SimulatedEnergies simulated_energies(const RunConfig& config) {
  SimulatedEnergies energies{make_energy(config.system), nullptr};
  const MoleculeOptions* molecule = molecule_options_of(config.system);
  if (molecule == nullptr) return energies;
  if (!config.dynamics.surrogate.empty()) {
    energies.target = std::move(energies.ladder);
    energies.ladder = read_surrogate(config, config.dynamics.surrogate).energy;
  }
  if (!config.dynamics.guard_peptide_bonds) return energies;
  const auto guards = peptide_bond_guards(load_molecule(molecule->structure));
  for (auto* energy : {&energies.ladder, &energies.target}) {
    if (*energy) *energy = std::make_unique<Restrained>(std::move(*energy), guards);
  }
  return energies;
}

}  // namespace equibolt
