#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "egnn/make_vector_field.h"
#include "flow/integrator.h"
#include "simulate/simulation.h"
#include "simulate/umbrella.h"
#include "system/make_energy.h"
#include "train/path_gradient.h"
#include "train/trainer.h"
#include "transport/coupling.h"

namespace equibolt {

/// Configurations from files instead of a simulation; an empty path is none.
struct DataFiles {
  std::string train;
  std::string validation;
  std::string test;
};

/// Langevin dynamics of molecules, as people give it; and what simulations of them need beside.
struct MolecularDynamics {
  double timestep_fs = 2;
  double friction_per_ps = 1;
  double hydrogen_mass = 3;         ///< u, taken from the neighbours; 0: as it is
  bool guard_peptide_bonds = true;  ///< keep each on the side where the structure has it
  std::string surrogate;            ///< a file of `equibolt surrogate`, whose ladder proposes; empty: none
  std::string bias;                 ///< see dihedral_bias; empty: none
};

/// Short dynamics of molecules from frames that another energy gave.
struct RelaxOptions {
  std::size_t steps = 100;
  double timestep_fs = 1;
  double friction_per_ps = 49;
  std::string bias;  ///< see frame_weights
};

/// Umbrella sampling of molecules along the dihedral of their state.
struct UmbrellaConfig {
  std::size_t windows = 25;
  double stiffness = 50;
  std::size_t steps = 100000;  ///< per window
  std::size_t record_every = 200;
  double discard = 0.1;
  bool exchange = true;
  std::size_t relax_steps = 2000;
  double relax_friction_per_ps = 49;
  std::string surrogate;  ///< a file of `equibolt surrogate`; empty: the energy itself
};

/// A cheaper energy in a molecule's stead, and Monte Carlo under it.
struct SurrogateOptions {
  std::string energy = "alanine_dipeptide-classical";  ///< a config or preset of the same molecule
  std::size_t rounds = 8;
  std::size_t samples = 1000;  ///< per round
  double ridge = 0.01;         ///< see CorrectionFit::solve
  TrajectoryOptions trajectory;
};

struct NetworkOptions {
  std::size_t hidden = 32;
  std::size_t layers = 3;
  std::string init_from;  ///< a model whose weights the training begins with; empty: random ones
};

struct EvaluateOptions {
  std::size_t samples = 100000;      ///< drawn from the flow
  std::size_t test_samples = 10000;  ///< held-out configurations whose density is computed, at most
};

/// All that defines a run; what `equibolt run` reads and the run folder keeps as config.toml.
struct RunConfig {
  std::uint64_t seed = 1;
  std::size_t threads = 0;            ///< 0: as many as the machine has
  Device device = Device::automatic;  ///< of the vector field
  double checkpoint_seconds = 120;  ///< between saved states of simulations, trainings and samples under way
  SystemSpec system;
  DataFiles data;
  SimulateOptions simulate;
  RelaxOptions relax;          ///< of molecules
  UmbrellaConfig umbrella;     ///< of molecules
  SurrogateOptions surrogate;  ///< of molecules
  MolecularDynamics dynamics;  ///< of molecules; keys of the section simulate, and of umbrella sampling too
  NetworkOptions network;
  CouplingOptions coupling;
  TrainOptions train;                 ///< by flow matching
  FlowMatchingOptions matching;       ///< keys of the section train
  TrainOptions finetune{.batch = 16,  // by path gradients, after flow matching; no steps: not at all
                        .optimizer = Optimizer::muon,
                        .rate = {Schedule::linear, 3e-3, 0, 0.05},
                        .adam = {},
                        .ema = 0.98,
                        .log_every = 20};
  PathGradientOptions path_gradient;  ///< keys of the section finetune
  IntegratorOptions flow;
  EvaluateOptions evaluate;

  /// Whether path gradients follow flow matching.
  bool finetunes() const { return finetune.steps > 0 || finetune.minutes > 0; }
};

/// The config of a preset's name ("dw4") or of a TOML file, with `overrides` ("train.steps=1000") applied.
/// Throws UsageError that names file:line or the override, the key, what was expected and what was found; for
/// an unknown key also the nearest known one. Relative paths in a file are meant from that file's folder, in
/// overrides from the current one; the config holds absolute ones. `notes`, where given, receives what the
/// user should know, such as keys that have no effect.
RunConfig load_config(const std::string& preset_or_file, const std::vector<std::string>& overrides = {},
                      std::vector<std::string>* notes = nullptr);

/// The same from TOML text; `origin` stands for the file's name in messages, and relative paths are meant
/// from `folder` (the current one where it is empty).
RunConfig parse_config(const std::string& text, const std::string& origin,
                       const std::vector<std::string>& overrides = {},
                       const std::filesystem::path& folder = {}, std::vector<std::string>* notes = nullptr);

/// The config as TOML with every key in it, each with its description as a comment when `commented`.
/// parse_config(config_text(c)) gives c again.
std::string config_text(const RunConfig& config, bool commented);

/// Whether a surrogate is named by a path, and not one that comes with the program: with a slash, or .npz at
/// its end.
bool is_surrogate_path(const std::string& name);

/// The names of the presets that were built in (presets/*.toml), and the text of one.
std::vector<std::string> preset_names();
std::string preset_text(const std::string& name);

}  // namespace equibolt
