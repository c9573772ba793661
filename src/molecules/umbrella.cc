#include "molecules/umbrella.h"

#include <algorithm>
#include <numeric>

#include "analyze/umbrella_analysis.h"
#include "core/saver.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/generations.h"
#include "io/npz.h"
#include "molecules/umbrella_json.h"
#include "molecules/umbrella_state_file.h"
#include "molecules/umbrella_task.h"
#include "runs/history.h"
#include "runs/output_lock.h"
#include "runs/request.h"
#include "runs/run_record.h"
#include "runs/shipped_files.h"
#include "runs/surrogate_energy.h"
#include "system/energy_files.h"

namespace equibolt {

namespace {

std::filesystem::path angles_file(const RunFolder& folder) {
  return folder.path / "umbrella.npz";
}
std::filesystem::path result_file(const RunFolder& folder) {
  return folder.path / "umbrella.json";
}
Generations states_in(const RunFolder& folder) {
  return {folder.path / "umbrella", "block"};
}

/// All that the angles depend on, but for their number: of a surrogate its content too.
Request request_of(const RunConfig& config) {
  const bool by_surrogate = !config.umbrella.surrogate.empty();
  Request request(config, [&](const std::string& key) {
    const bool dynamics = key == "simulate.timestep_fs" || key == "simulate.friction_per_ps" ||
                          key == "simulate.hydrogen_mass" || key == "simulate.guard_peptide_bonds";
    const bool trajectory = key == "surrogate.step" || key == "surrogate.leapfrog_steps";
    const bool length = key == "umbrella.steps" || key == "umbrella.discard";
    return key.starts_with("system.") || dynamics || (trajectory && by_surrogate) ||
           (key.starts_with("umbrella.") && !length);
  });
  request.add("seed", config.seed);
  // Blocks of dynamics were not accepted or rejected in states of format 1, and were too hot.
  if (!by_surrogate) request.add("dynamics", "metropolised");
  if (by_surrogate) request.add_hash("surrogate", hash_of_file(surrogate_path(config.umbrella.surrogate)));
  return request;
}

/// A request whose parts have been checked.
struct Prepared {
  UmbrellaTask task;
  Surrogate surrogate;  ///< without an energy where there is none
  std::unique_ptr<Energy> energy;
  Request request;
  double discard;

  const Energy& moves() const { return surrogate.energy ? *surrogate.energy : *energy; }
  const Energy* target() const { return surrogate.energy ? energy.get() : nullptr; }
  std::size_t discarded_of(std::size_t blocks) const {
    return static_cast<std::size_t>(discard * static_cast<double>(blocks));
  }
  /// The saved state, if it is of this request.
  UmbrellaState state_from(const Npz& npz, const RunFolder& folder) const {
    request.require_same(npz["about"].as_text(), folder.path.string(),
                         "Give another output with -o, or the same settings to resume.");
    return umbrella_state_from(npz, task.options, task.molecule.size());
  }
  UmbrellaState start(const std::filesystem::path& frames) const {
    const bool from_surrogate = surrogate.energy != nullptr && frames.empty();
    const Configurations<double> first = from_surrogate ? surrogate.frames : task.begin(frames);
    return umbrella_start(task.options, first.view());
  }
};

Prepared prepare(const RunConfig& config) {
  Prepared prepared{umbrella_task(config), {}, nullptr, request_of(config), config.umbrella.discard};
  const std::size_t blocks = prepared.task.options.blocks, analysed = blocks - prepared.discarded_of(blocks);
  if (analysed < least_umbrella_blocks) {
    throw UsageError(
        "umbrella: umbrella.steps = {} gives {} blocks of umbrella.record_every = {} steps, {} after the "
        "discarded ones; expected at least {}",
        config.umbrella.steps, blocks, config.umbrella.record_every, analysed, least_umbrella_blocks);
  }
  if (!config.umbrella.surrogate.empty())
    prepared.surrogate = read_surrogate(config, config.umbrella.surrogate);
  prepared.energy = make_energy(config.system);
  return prepared;
}

/// Whether the result in the folder is that of these blocks, and not of a shorter sampling.
bool analysed(const RunFolder& folder, const RunConfig& config, std::size_t blocks, std::size_t discarded) {
  if (!std::filesystem::exists(result_file(folder)) || !std::filesystem::exists(angles_file(folder)))
    return false;
  try {
    const auto json = read_json(result_file(folder));
    const auto is = [&](const char* key, const nlohmann::ordered_json& value) {
      return json.contains(key) && json[key] == value;
    };
    return is("recorded_blocks", blocks) && is("discarded_blocks", discarded) &&
           is("state", molecule_options_of(config.system)->state);
  } catch (const DataError&) {  // a damaged one is made again
    return false;
  }
}

OutputPlan plan_of(const RunConfig& config, const RunFolder& folder, const Prepared& prepared,
                   const std::filesystem::path& frames) {
  require_kind(folder.path, FolderKind::umbrella);
  UmbrellaState state;
  const bool found =
      states_in(folder).look_at_newest([&](const Npz& npz) { state = prepared.state_from(npz, folder); });
  if (!found) state = prepared.start(frames);
  ThreadPool pool(config.threads);
  const Umbrella umbrella(prepared.moves(), prepared.task.options, pool, std::move(state), prepared.target());
  const std::size_t done = umbrella.blocks_done();
  OutputPlan plan{
      folder.path, fmt::format("blocks in {} windows", prepared.task.options.windows),
      done,        prepared.task.options.blocks,
      found,       umbrella.finished() && analysed(folder, config, done, prepared.discarded_of(done)),
      {}};
  if (!plan.nothing_to_do && std::filesystem::exists(folder.config()) &&
      read_text_file(folder.config()) != config_text(config, true)) {
    plan.moved = folder.config();
  }
  return plan;
}

/// Writes config.toml; one of another content, which somebody may have edited, is moved to previous/.
void write_config(const RunFolder& folder, const std::string& text) {
  if (std::filesystem::exists(folder.config())) {
    if (read_text_file(folder.config()) == text) return;
    move_file(folder.config(), new_previous(folder) / folder.config().filename());
  }
  write_file(folder.config(), text);
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

/// Goes on until all blocks are there.
void sample(Umbrella& umbrella, const Generations& states, const std::string& about, const RunConfig& config,
            const UmbrellaOptions& options, const std::function<bool()>& stop, Reporter& reporter) {
  reporter.start_progress("umbrella sampling");
  Saver saver(stop, config.checkpoint_seconds,
              [&] { states.write(umbrella.blocks_done(), to_npz(umbrella.state(), about)); });
  bool relaxing = !umbrella.relaxed();
  while (!umbrella.finished()) {
    umbrella.advance();
    if (relaxing && umbrella.relaxed()) {
      relaxing = false;
      warn_of_relaxation(umbrella, reporter);
    }
    reporter.progress(umbrella.progress());
    if (saver.save_if_due(umbrella.finished()) && !umbrella.finished()) {
      throw Stopped("stopped after {} of {} blocks; the same command goes on from there",
                    umbrella.blocks_done(), options.blocks);
    }
  }
  reporter.end_progress();
}

/// Analyses what was sampled; says what casts doubt on it.
nlohmann::ordered_json analysis_of(const Umbrella& umbrella, const RunConfig& config,
                                   const Prepared& prepared, Reporter& reporter) {
  const UmbrellaOptions& umbrella_options = prepared.task.options;
  const std::size_t windows = umbrella_options.windows;
  const std::vector<double>& angles = umbrella.state().angles;
  const std::size_t discarded = prepared.discarded_of(umbrella.blocks_done());
  const auto& rejected = umbrella.state().rejected;
  const double all_rejected = std::accumulate(rejected.begin(), rejected.end(), 0.0);
  UmbrellaRecords records =
      umbrella_records(umbrella_options, std::span(angles).subspan(discarded * windows));
  records.in_state = [&](double angle) { return prepared.task.state.contains(angle); };
  if (!prepared.surrogate.energy) records.undone = all_rejected;
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
  if (prepared.surrogate.energy) {
    json["surrogate"] = {{"file", config.umbrella.surrogate},
                         {"trajectory_acceptance", mean(umbrella.state().moved)},
                         {"acceptance", mean(umbrella.state().taken)}};
  }
  warn_of(umbrella, umbrella_options, reporter);
  json["recorded_blocks"] = umbrella.blocks_done();
  json["discarded_blocks"] = discarded;
  json["state"] = molecule_options_of(config.system)->state;
  return json;
}

void write_angles(const RunFolder& folder, const UmbrellaState& state, std::size_t windows) {
  const std::vector<double>& angles = state.angles;
  Npz npz;
  npz.arrays["angles"] = Array::of(std::span<const double>(angles), {angles.size() / windows, windows});
  npz.arrays["x"] = Array::of(ConfigurationsView<const double>(state.x.view()));
  npz.arrays["format_version"] = Array::scalar(std::int64_t{1});
  write_npz(angles_file(folder), npz);
}

}  // namespace

OutputPlan plan_umbrella(const RunConfig& config, const RunFolder& folder,
                         const std::filesystem::path& frames) {
  return plan_of(config, folder, prepare(config), frames);
}

nlohmann::ordered_json umbrella_run(const RunConfig& config, const RunFolder& folder,
                                    const std::filesystem::path& frames, const std::function<bool()>& stop,
                                    Reporter& reporter) {
  const Prepared prepared = prepare(config);
  const OutputPlan plan = plan_of(config, folder, prepared, frames);
  if (plan.begun || !plan.moved.empty()) reporter.say("{}", text_of(plan));
  if (plan.nothing_to_do) return read_json(result_file(folder));
  create_folder(folder.path);
  const OutputLock lock = OutputLock::of_folder(folder.path);
  const Generations states = states_in(folder);
  for (const auto& file : {angles_file(folder), result_file(folder), folder.config()})
    remove_partial_files_of(file);
  remove_partial_files_in(states.folder);
  UmbrellaState state;
  const bool found = states.read_newest([&](const Npz& npz) { state = prepared.state_from(npz, folder); },
                                        [&](const std::string& text) { reporter.warn(text); });
  if (!found) state = prepared.start(frames);
  const UmbrellaOptions& options = prepared.task.options;
  ThreadPool pool(config.threads);
  Umbrella umbrella(prepared.moves(), options, pool, std::move(state), prepared.target());
  create_folder(states.folder);
  write_config(folder, config_text(config, true));
  if (!umbrella.finished()) note_call(folder, config.threads);
  sample(umbrella, states, prepared.request.text(), config, options, stop, reporter);
  nlohmann::ordered_json json = analysis_of(umbrella, config, prepared, reporter);
  write_angles(folder, umbrella.state(), options.windows);
  write_json(result_file(folder), json);
  return json;
}

}  // namespace equibolt
