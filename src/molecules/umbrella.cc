#include "molecules/umbrella.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analyze/umbrella_analysis.h"
#include "config/config_table.h"
#include "core/hash.h"
#include "core/stopwatch.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/configurations_file.h"
#include "io/generations.h"
#include "io/npz.h"
#include "molecules/about_system.h"
#include "molecules/surrogate.h"
#include "molecules/umbrella_json.h"
#include "runs/history.h"
#include "runs/output_lock.h"
#include "runs/run_record.h"
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
  task.state = *state;
  const UmbrellaConfig& u = config.umbrella;
  task.options.atoms = dihedrals[state->dihedral].atoms;
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

namespace {

constexpr std::int64_t kStateFormat = 2;

Npz to_npz(const UmbrellaState& state, const std::string& about) {
  Npz npz;
  npz.arrays["format_version"] = Array::scalar(kStateFormat);
  npz.arrays["relaxed"] = Array::scalar(static_cast<std::int64_t>(state.relaxed));
  npz.arrays["ready"] = Array::scalar(static_cast<std::int64_t>(state.ready));
  npz.arrays["x"] = Array::of(ConfigurationsView<const double>(state.x.view()));
  npz.arrays["angles"] = Array::of(state.angles);
  npz.arrays["accepted"] = Array::of(state.accepted);
  npz.arrays["tried"] = Array::of(state.tried);
  npz.arrays["unrelaxed"] = Array::of(state.unrelaxed);
  npz.arrays["rejected"] = Array::of(state.rejected);
  npz.arrays["moved"] = Array::of(state.moved);
  npz.arrays["taken"] = Array::of(state.taken);
  npz.arrays["excess"] = Array::of(state.excess);
  npz.arrays["about"] = Array::text(about);
  return npz;
}

std::int64_t count_in(const Npz& npz, const char* name) {
  const auto values = npz[name].as_int64();
  if (values.size() != 1 || values[0] < 0)
    throw DataError("{}: expected one count, 0 or more", npz[name].origin);
  return values[0];
}

/// Format 1 knew whether all windows had relaxed, not how far, and had states between whole blocks alone.
UmbrellaState state_from(const Npz& npz, const UmbrellaOptions& options, std::size_t particles) {
  const std::int64_t version = count_in(npz, "format_version");
  if (version < 1 || version > kStateFormat) {
    throw DataError("{}: expected format version 1 to {} of a state of umbrella sampling, found {}",
                    npz.origin, kStateFormat, version);
  }
  UmbrellaState state;
  state.relaxed = static_cast<std::size_t>(count_in(npz, "relaxed"));
  if (version == 1 && state.relaxed > 0) state.relaxed = options.relax_steps;
  if (version > 1) state.ready = static_cast<std::size_t>(count_in(npz, "ready"));
  state.x = configurations_of(npz["x"], particles, 3);
  state.angles = npz["angles"].as_double();
  state.accepted = npz["accepted"].as_double();
  state.tried = npz["tried"].as_double();
  state.rejected = npz["rejected"].as_double();
  const auto later = [&](const char* name, std::vector<double> before) {
    return npz.contains(name) ? npz[name].as_double() : before;
  };
  const std::vector<double> none(state.rejected.size(), 0.0);
  state.unrelaxed = later("unrelaxed", none);
  state.moved = later("moved", none);
  state.taken = later("taken", none);
  state.excess = later("excess", {});
  return state;
}

/// All that the angles depend on, but for their number: of a surrogate its content too.
std::string about_text(const RunConfig& config) {
  nlohmann::ordered_json about{{"seed", config.seed}};
  about.update(about_system(config));
  // Blocks of dynamics were not accepted or rejected in states of format 1, and were too hot.
  if (config.umbrella.surrogate.empty()) about["dynamics"] = "metropolised";
  RunConfig copy = config;
  copy.umbrella.steps = 0;
  copy.umbrella.discard = 0;
  for (const ConfigKey& key : config_table(copy)) {
    const bool dynamics = key.name == "simulate.timestep_fs" || key.name == "simulate.friction_per_ps" ||
                          key.name == "simulate.hydrogen_mass" || key.name == "simulate.guard_peptide_bonds";
    const bool trajectory = key.name == "surrogate.step" || key.name == "surrogate.leapfrog_steps";
    if (key.name == "umbrella.surrogate") continue;  // its content counts, below
    if (dynamics || (trajectory && !config.umbrella.surrogate.empty()) || key.name.starts_with("umbrella.")) {
      about[key.name] = key.text();
    }
  }
  if (!config.umbrella.surrogate.empty()) {
    const Bytes bytes = read_file(config.umbrella.surrogate);
    about["surrogate"] = fmt::format("{:016x}", content_hash(std::span<const std::uint8_t>(bytes)));
  }
  return about.dump();
}

/// Throws UsageError where a saved state is of another request, naming what differs.
void require_same_request(const std::string& there, const std::string& now, const RunFolder& folder) {
  if (there == now) return;
  const auto before = nlohmann::ordered_json::parse(there, nullptr, false);
  const auto wanted = nlohmann::ordered_json::parse(now);
  std::string differences;
  const auto text_of = [](const nlohmann::ordered_json& json, const std::string& key) {
    return json.is_object() && json.contains(key) ? json[key].dump() : "nothing";
  };
  const auto add = [&](const std::string& key) {
    if (text_of(before, key) == text_of(wanted, key)) return;
    differences += fmt::format("\n  {}: {} there, {} now", key, text_of(before, key), text_of(wanted, key));
  };
  for (const auto& [key, value] : wanted.items()) add(key);
  for (const auto& [key, value] : before.items()) {
    if (!wanted.contains(key)) add(key);
  }
  throw UsageError(
      "{} holds umbrella sampling with another config:{}\nGive another output with -o, or the same config to "
      "resume",
      folder.path.string(), differences);
}

/// Says what casts doubt on the sampling itself.
void warn_of(const Umbrella& umbrella, const UmbrellaOptions& options, Reporter& reporter) {
  const UmbrellaState& state = umbrella.state();
  const auto blocks = static_cast<double>(umbrella.blocks_done());
  for (std::size_t w = 0; w < options.windows; ++w) {
    const double moved = state.moved[w] / blocks;
    if (moved >= 0.1) continue;
    reporter.warn(
        fmt::format("window {} accepts only {:.1f} % of its moves: lower {}", w, 100 * moved,
                    options.hmc ? "surrogate.step" : "simulate.timestep_fs or umbrella.record_every"));
  }
}

/// Says which windows are still far from their centres when relaxation ends.
void warn_of_relaxation(const Umbrella& umbrella, Reporter& reporter) {
  constexpr double far = 20;  // kT: a window in equilibrium has half a kT, and what the slope of U adds
  const std::vector<double> bias = umbrella.bias_energies();
  for (std::size_t w = 0; w < bias.size(); ++w) {
    if (bias[w] <= far) continue;
    reporter.warn(fmt::format(
        "window {} is {:.0f} kT of bias away from its centre after relaxation ({} of its parts "
        "met a configuration without an energy): raise umbrella.relax_steps, or give frames nearer "
        "to it with --data",
        w, bias[w], umbrella.state().unrelaxed[w]));
  }
}

}  // namespace

nlohmann::ordered_json umbrella_run(const RunConfig& config, const RunFolder& folder,
                                    const std::filesystem::path& frames, const std::function<bool()>& stop,
                                    Reporter& reporter) {
  const UmbrellaTask task = umbrella_task(config);
  const UmbrellaOptions& umbrella_options = task.options;
  const auto discarded_of = [&](std::size_t blocks) {
    return static_cast<std::size_t>(config.umbrella.discard * static_cast<double>(blocks));
  };
  const std::size_t analysed = umbrella_options.blocks - discarded_of(umbrella_options.blocks);
  if (analysed < least_umbrella_blocks) {
    throw UsageError(
        "umbrella: umbrella.steps = {} gives {} blocks of umbrella.record_every = {} steps, {} after the "
        "discarded ones; expected at least {}",
        config.umbrella.steps, umbrella_options.blocks, config.umbrella.record_every, analysed,
        least_umbrella_blocks);
  }
  Surrogate surrogate;
  if (!config.umbrella.surrogate.empty()) surrogate = read_surrogate(config, config.umbrella.surrogate);

  require_kind(folder.path, FolderKind::umbrella);
  create_folder(folder.path);
  const OutputLock lock = OutputLock::of_folder(folder.path);
  for (const char* name : {"umbrella.npz", "umbrella.json", "config.toml"})
    remove_partial_files_of(folder.path / name);
  remove_partial_files_in(folder.path / "umbrella");
  const std::string about = about_text(config);
  const Generations states{folder.path / "umbrella", "block"};
  UmbrellaState state;
  std::string about_state;
  const bool found = states.read_newest(
      [&](const Npz& npz) {
        about_state = npz["about"].as_text();
        if (about_state == about) state = state_from(npz, umbrella_options, task.molecule.size());
      },
      [&](const std::string& text) { reporter.warn(text); });
  if (found) require_same_request(about_state, about, folder);
  if (!found) {
    const bool from_surrogate = surrogate.energy != nullptr && frames.empty();
    const Configurations<double> first = from_surrogate ? std::move(surrogate.frames) : task.begin(frames);
    state = umbrella_start(umbrella_options, first.view());
  }
  ThreadPool pool(config.threads);
  const std::unique_ptr<Energy> energy = make_energy(config.system);
  const Energy& moves = surrogate.energy ? *surrogate.energy : *energy;
  Umbrella umbrella(moves, umbrella_options, pool, std::move(state),
                    surrogate.energy ? energy.get() : nullptr);
  if (found) reporter.say("umbrella sampling goes on from block {}", umbrella.blocks_done());
  create_folder(states.folder);
  write_file(folder.config(), config_text(config, true));
  if (!umbrella.finished()) note_call(folder, config.threads);
  reporter.start_progress("umbrella sampling");
  Stopwatch since_state;
  bool relaxing = !umbrella.relaxed();
  while (!umbrella.finished()) {
    umbrella.advance();
    if (relaxing && umbrella.relaxed()) {
      relaxing = false;
      warn_of_relaxation(umbrella, reporter);
    }
    reporter.progress(umbrella.progress());
    const bool stopping = stop();
    if (stopping || umbrella.finished() || since_state.seconds() > config.checkpoint_seconds) {
      states.write(umbrella.blocks_done(), to_npz(umbrella.state(), about));
      since_state = Stopwatch();
    }
    if (stopping && !umbrella.finished()) {
      throw Stopped("stopped after {} of {} blocks; the same command goes on from there",
                    umbrella.blocks_done(), umbrella_options.blocks);
    }
  }
  reporter.end_progress();

  const std::size_t windows = umbrella_options.windows;
  const std::vector<double>& angles = umbrella.state().angles;
  const std::size_t discarded = discarded_of(umbrella.blocks_done());
  const auto& rejected = umbrella.state().rejected;
  const double all_rejected = std::accumulate(rejected.begin(), rejected.end(), 0.0);
  UmbrellaRecords records =
      umbrella_records(umbrella_options, std::span(angles).subspan(discarded * windows));
  records.in_state = [&](double angle) { return task.state.arc.contains(angle); };
  if (!surrogate.energy) records.undone = all_rejected;
  nlohmann::ordered_json json = umbrella_json(analyse_umbrella(records));
  for (const auto& warning : json["warnings"]) reporter.warn(warning.get<std::string>());
  std::vector<double> acceptance;
  for (std::size_t k = 0; k + 1 < windows; ++k) {
    acceptance.push_back(umbrella.state().accepted[k] / std::max(1.0, umbrella.state().tried[k]));
  }
  json["exchange_acceptance"] = acceptance;
  const auto sum = [](const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
  };
  const auto mean = [&](const std::vector<double>& sums) {
    std::vector<double> means = sums;
    for (double& value : means) value /= static_cast<double>(umbrella.blocks_done());
    return means;
  };
  json["rejected_blocks"] = all_rejected;
  json["rejected_relaxation_blocks"] = sum(umbrella.state().unrelaxed);
  if (!umbrella_options.hmc) json["block_acceptance"] = mean(umbrella.state().moved);
  if (surrogate.energy) {
    json["surrogate"] = {{"file", config.umbrella.surrogate},
                         {"trajectory_acceptance", mean(umbrella.state().moved)},
                         {"acceptance", mean(umbrella.state().taken)}};
  }
  warn_of(umbrella, umbrella_options, reporter);
  json["state"] = molecule_options_of(config.system)->state;
  Npz npz;
  npz.arrays["angles"] = Array::of(std::span<const double>(angles), {angles.size() / windows, windows});
  npz.arrays["x"] = Array::of(ConfigurationsView<const double>(umbrella.state().x.view()));
  npz.arrays["format_version"] = Array::scalar(std::int64_t{1});
  write_npz(folder.path / "umbrella.npz", npz);
  write_json(folder.path / "umbrella.json", json);
  return json;
}

}  // namespace equibolt
