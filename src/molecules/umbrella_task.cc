#include "molecules/umbrella_task.h"

#include <algorithm>
#include <optional>

#include "equibolt/error.h"
#include "io/configurations_file.h"
#include "runs/simulated_system.h"
#include "system/frame_check.h"

namespace equibolt {

UmbrellaTask umbrella_task(const RunConfig& config) {
  const MoleculeOptions* options = molecule_options_of(config.system);
  if (options == nullptr)
    throw UsageError("umbrella: expected a molecule (system.kind \"openmm\" or \"xtb\")");
  UmbrellaTask task;
  task.molecule = load_molecule(options->structure);
  const auto dihedrals = dihedrals_of(task.molecule, options->dihedrals);
  const auto state = state_of(dihedrals, options->state);
  if (!state) throw UsageError("umbrella: system.state has to name the dihedral, as in \"phi 0 2\"");
  if (state->ranges.size() != 1) {
    throw UsageError(
        "umbrella: system.state is a box of {} dihedrals, '{}'; windows lie along one: give its range, as in "
        "\"phi 0 2\"",
        state->ranges.size(), options->state);
  }
  task.state = state->ranges[0].arc;
  const UmbrellaConfig& u = config.umbrella;
  task.options.atoms = dihedrals[state->ranges[0].dihedral].atoms;
  task.options.windows = u.windows;
  task.options.stiffness = u.stiffness;
  task.options.block_steps = u.record_every;
  task.options.blocks = u.steps / u.record_every;
  task.options.exchange = u.exchange;
  task.options.relax_steps = u.relax_steps;
  MolecularDynamics dynamics = config.dynamics;
  task.options.langevin = langevin_options_of(dynamics, task.molecule, options->temperature);
  dynamics.friction_per_ps = u.relax_friction_per_ps;
  task.options.relax = langevin_options_of(dynamics, task.molecule, options->temperature);
  if (!u.surrogate.empty()) task.options.hmc = config.surrogate.trajectory;
  if (config.dynamics.guard_peptide_bonds) task.options.guards = peptide_bond_guards(task.molecule);
  task.options.seed = config.seed;
  return task;
}

UmbrellaRecords umbrella_records(const UmbrellaOptions& options, std::span<const double> angles) {
  UmbrellaRecords records;
  records.angles = angles;
  for (std::size_t w = 0; w < options.windows; ++w) {
    records.centres.push_back(window_centre(w, options.windows));
  }
  records.bias = [centres = records.centres, stiffness = options.stiffness](std::size_t w, double angle) {
    return DihedralRestraint{{}, centres[w], 0, stiffness}.energy(angle);
  };
  records.seed = options.seed;
  return records;
}

Configurations<double> UmbrellaTask::begin(const std::filesystem::path& frames) const {
  if (!frames.empty()) {
    Configurations<double> x = read_configurations(frames, molecule.size(), 3);
    require_frames_of(molecule, x.view(), frames.string());
    return x;
  }
  Configurations<double> structure(1, molecule.size(), 3);
  std::copy(molecule.positions.begin(), molecule.positions.end(), structure[0].begin());
  return structure;
}

}  // namespace equibolt
