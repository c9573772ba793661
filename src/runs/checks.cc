#include "runs/checks.h"

#include <algorithm>
#include <string>

#include "egnn/make_vector_field.h"
#include "equibolt/error.h"
#include "io/configurations_file.h"
#include "observables/observable.h"
#include "runs/session.h"
#include "runs/simulated_system.h"
#include "runs/training.h"
#include "system/molecule_options.h"
#include "system/system_check.h"

namespace equibolt {
namespace {

bool is_to_be_made(const RunPlan& plan, Stage stage) {
  return plan.state(stage) != StageState::done;
}

/// Semi-empirical energies know no configurations of the prior: the atoms lie on top of each other.
void check_simulation(const RunConfig& config) {
  (void)simulated_energies(config);
  if (!config.dynamics.bias.empty() && has_prior(config.simulate)) {
    throw UsageError(
        "simulate.bias: a ladder to the prior would give log Z of the biased energy: set simulate.path = "
        "\"temperature\"");
  }
  if (!config.dynamics.surrogate.empty()) return;
  const bool from_prior = config.simulate.path == Path::prior && config.simulate.rungs > 1;
  if (from_prior && std::holds_alternative<XtbParameters>(config.system.kind)) {
    throw UsageError(
        "data.train is empty, so that this run would simulate a ladder from the prior under xtb, where the "
        "self-consistent cycle fails: set data.train (docs/molecules.md says how to make such data), or "
        "simulate.path = \"temperature\"");
  }
}

void check_training(const RunConfig& config) {
  const bool continues = !config.network.init_from.empty() && config.finetunes();
  if (config.train.steps > 0 || config.train.minutes > 0 || continues) return;
  throw UsageError(
      "training has no end: set train.steps or train.minutes (or none, with network.init_from and "
      "finetune.steps: then that network is fine-tuned as it is)");
}

void check_observed(const SystemSpec& system, std::vector<std::string>& warnings) {
  if (!system.observables.empty()) (void)observed_system(system);
  const MoleculeOptions* options = molecule_options_of(system);
  if (options == nullptr) return;
  for (std::string& doubt : check_molecule_options(*options)) warnings.push_back(std::move(doubt));
}

void check_data(const RunConfig& config) {
  for (const std::string& path : {config.data.train, config.data.validation, config.data.test}) {
    if (!path.empty()) read_configurations(path, config.system.particles, config.system.dim);
  }
}

}  // namespace

void check_run(const RunConfig& config, RunPlan& plan) {
  const bool trains =
      std::ranges::any_of(plan.stages, [](const PlannedStage& s) { return s.stage == Stage::training; });
  if (trains) check_training(config);
  check_observed(config.system, plan.warnings);
  const std::unique_ptr<Energy> energy = make_energy(config.system);
  if (!plan.anything_to_do()) return;
  if (config.data.train.empty() && is_to_be_made(plan, Stage::simulation)) {
    check_simulation(config);
    for (std::string& doubt : check_system(config.system, *energy, config.seed))
      plan.warnings.push_back(std::move(doubt));
  }
  check_data(config);
  const Architecture architecture = architecture_of(config, *energy);
  if (is_to_be_made(plan, Stage::training)) {
    first_parameters(architecture, config);
    check_device(config.device, architecture, config.matching.precision);
  }
  if (config.finetunes() && is_to_be_made(plan, Stage::finetuning))
    check_device(config.device, architecture, PrecisionChoice::fp32);
  if (is_to_be_made(plan, Stage::evaluation)) check_device(config.device, architecture, no_gradients);
}

}  // namespace equibolt
