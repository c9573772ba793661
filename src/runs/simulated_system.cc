#include "runs/simulated_system.h"

#include <utility>

#include "equibolt/error.h"
#include "runs/biased_data.h"
#include "runs/surrogate_energy.h"
#include "system/units.h"

namespace equibolt {
namespace {

std::optional<DihedralBias> bias_of(const std::string& text, const std::string& key,
                                    const MoleculeOptions& options, const Molecule& structure) {
  return dihedral_bias(text, key, structure, dihedrals_of(structure, options.dihedrals));
}

}  // namespace

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
  const Molecule structure = load_molecule(molecule->structure);
  const auto guards = peptide_bond_guards(structure);
  const auto bias = bias_of(config.dynamics.bias, "simulate.bias", *molecule, structure);
  for (auto* energy : {&energies.ladder, &energies.target}) {  // the one that is sampled comes last
    if (!*energy) continue;
    if (config.dynamics.guard_peptide_bonds) {
      auto restrained = std::make_unique<Restrained>(std::move(*energy), guards);
      energies.guards = restrained.get();
      *energy = std::move(restrained);
    }
    if (bias) {
      auto biased = std::make_unique<Biased>(std::move(*energy), *bias);
      energies.bias = biased.get();
      *energy = std::move(biased);
    }
  }
  return energies;
}

std::string bias_of_training(const RunConfig& config) {
  return config.data.train.empty() ? config.dynamics.bias : bias_of_data(config.data.train).is;
}

std::unique_ptr<Energy> trained_energy(const RunConfig& config) {
  auto energy = make_energy(config.system);
  const MoleculeOptions* molecule = molecule_options_of(config.system);
  if (molecule == nullptr) return energy;
  const std::string key = config.data.train.empty() ? "simulate.bias" : config.data.train + ": 'bias_is'";
  const auto bias = bias_of(bias_of_training(config), key, *molecule, load_molecule(molecule->structure));
  if (bias) energy = std::make_unique<Biased>(std::move(energy), *bias);
  return energy;
}

}  // namespace equibolt
