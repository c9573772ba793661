#include "molecules/umbrella.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "analyze/autocorrelation.h"
#include "analyze/bootstrap.h"
#include "analyze/free_energy.h"
#include "analyze/wham.h"
#include "config/config_table.h"
#include "core/hash.h"
#include "core/stopwatch.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/configurations_file.h"
#include "io/generations.h"
#include "io/npz.h"
#include "molecules/surrogate.h"
#include "runs/history.h"
#include "runs/output_lock.h"
#include "runs/run_record.h"
#include "runs/simulated_system.h"

namespace equibolt {
namespace {

constexpr std::size_t kBins = 720, kProfileBins = 72;
constexpr std::size_t kTimeBlocks = 20;
constexpr double kPi = std::numbers::pi;

std::size_t bin_of(double angle, std::size_t bins) {
  const auto bin = static_cast<std::ptrdiff_t>((angle + kPi) / (2 * kPi) * static_cast<double>(bins));
  return static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(bin, 0, static_cast<std::ptrdiff_t>(bins) - 1));
}

double bin_centre(std::size_t bin, std::size_t bins) {
  return 2 * kPi * (static_cast<double>(bin) + 0.5) / static_cast<double>(bins) - kPi;
}

double bias(const UmbrellaOptions& options, std::size_t window, double angle) {
  return DihedralRestraint{{}, window_centre(window, options.windows), 0, options.stiffness}.energy(angle);
}

/// −ln(P/(1−P)) of the bins within (low, high).
double state_free_energy(std::span<const double> probability, double low, double high) {
  double inside = 0, outside = 0;
  for (std::size_t b = 0; b < probability.size(); ++b) {
    const double angle = bin_centre(b, probability.size());
    (angle > low && angle < high ? inside : outside) += probability[b];
  }
  return -std::log(inside / outside);
}

/// ln of sums of exp.
double log_sum(std::span<const double> values) {
  const double top = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (const double value : values) sum += std::exp(value - top);
  return top + std::log(sum);
}

struct MbarResult {
  double free_energy = 0;
  std::vector<double> overlap;  // (W,): of each window with the next one, around the circle
  bool converged = false;
};

/// Of every `stride`-th block, so that the matrix stays small.
MbarResult by_mbar(const UmbrellaOptions& options, std::span<const double> angles, double low, double high) {
  constexpr std::size_t most_samples = 200000;
  const std::size_t windows = options.windows, blocks = angles.size() / windows;
  const std::size_t stride = std::max<std::size_t>(1, (angles.size() + most_samples - 1) / most_samples);
  std::vector<double> used;
  for (std::size_t w = 0; w < windows; ++w) {
    for (std::size_t t = 0; t < blocks; t += stride) used.push_back(angles[t * windows + w]);
  }
  const std::vector<std::size_t> n_k(windows, used.size() / windows);
  std::vector<double> u;
  for (std::size_t w = 0; w < windows; ++w) {
    for (const double angle : used) u.push_back(bias(options, w, angle));
  }
  const Mbar solution = mbar(u, n_k);
  const auto log_weights = solution.log_weights(std::vector<double>(used.size(), 0.0));
  std::vector<double> inside, outside;
  for (std::size_t n = 0; n < used.size(); ++n) {
    (used[n] > low && used[n] < high ? inside : outside).push_back(log_weights[n]);
  }
  MbarResult result;
  result.converged = solution.converged;
  const bool both = !inside.empty() && !outside.empty();
  result.free_energy = both ? log_sum(outside) - log_sum(inside) : std::numeric_limits<double>::quiet_NaN();
  for (std::size_t w = 0; w < windows; ++w) {
    const std::size_t next = (w + 1) % windows;
    result.overlap.push_back(solution.overlap[w * windows + next]);
  }
  return result;
}

double deviation(std::span<const double> values) {
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  double square = 0;
  for (const double value : values) square += (value - mean) * (value - mean);
  return std::sqrt(square / static_cast<double>(values.size() - 1));
}

}  // namespace

nlohmann::ordered_json umbrella_analysis(const UmbrellaOptions& options, std::span<const double> angles,
                                         double low, double high) {
  const std::size_t windows = options.windows, blocks = angles.size() / windows;
  if (blocks < 2 * kTimeBlocks) {
    throw DataError("umbrella: {} blocks after the discarded ones, at least {} expected", blocks,
                    2 * kTimeBlocks);
  }
  std::vector<double> biases;
  for (std::size_t w = 0; w < windows; ++w) {
    for (std::size_t b = 0; b < kBins; ++b) biases.push_back(bias(options, w, bin_centre(b, kBins)));
  }
  // Histograms of each block of time, all windows together.
  const std::size_t length = blocks / kTimeBlocks;
  std::vector<std::vector<double>> parts(kTimeBlocks, std::vector<double>(kBins, 0.0));
  for (std::size_t t = 0; t < kTimeBlocks * length; ++t) {
    for (std::size_t w = 0; w < windows; ++w) parts[t / length][bin_of(angles[t * windows + w], kBins)] += 1;
  }
  const std::vector<double> samples(windows, static_cast<double>(kTimeBlocks * length));
  const auto solve = [&](std::span<const std::size_t> chosen, std::span<const double> start,
                         double tolerance) {
    std::vector<double> counts(kBins, 0.0);
    for (const std::size_t part : chosen) {
      for (std::size_t b = 0; b < kBins; ++b) counts[b] += parts[part][b];
    }
    return wham(counts, samples, biases, start, tolerance);
  };
  std::vector<std::size_t> all(kTimeBlocks);
  std::iota(all.begin(), all.end(), std::size_t{0});
  const Wham solution = solve(all, {}, 1e-9);
  const auto profile_of = [](const Wham& w) {
    std::vector<double> profile(kProfileBins, 0.0);
    for (std::size_t b = 0; b < kBins; ++b) profile[b * kProfileBins / kBins] += w.probability[b];
    for (double& p : profile) p = -std::log(p);
    return profile;
  };
  std::vector<std::vector<double>> profiles;
  std::vector<double> free_energies;
  Bootstrap resampling;
  resampling.seed = options.seed;
  resampling.repetitions = 100;
  bootstrap(
      kTimeBlocks,
      [&](std::span<const std::size_t> chosen) {
        const Wham again = solve(chosen, solution.free_energies, 1e-6);
        profiles.push_back(profile_of(again));
        free_energies.push_back(state_free_energy(again.probability, low, high));
        return free_energies.back();
      },
      resampling);

  const MbarResult by_samples = by_mbar(options, angles, low, high);
  std::vector<double> autocorrelation;
  for (std::size_t w = 0; w < windows; ++w) {
    std::vector<double> series;
    for (std::size_t t = 0; t < blocks; ++t) {
      series.push_back(angle_difference(angles[t * windows + w], window_centre(w, windows)));
    }
    autocorrelation.push_back(autocorrelation_time(series));
  }
  nlohmann::ordered_json json{{"free_energy",
                               {{"value", state_free_energy(solution.probability, low, high)},
                                {"error", deviation(free_energies)},
                                {"by_mbar", by_samples.free_energy},
                                {"converged", solution.converged && by_samples.converged}}},
                              {"blocks", blocks},
                              {"least_overlap", std::ranges::min(by_samples.overlap)},
                              {"overlap", by_samples.overlap},
                              {"autocorrelation_time", autocorrelation}};
  const auto profile = profile_of(solution);
  const double lowest = *std::min_element(profile.begin(), profile.end());
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (std::size_t b = 0; b < kProfileBins; ++b) {
    std::vector<double> relative;
    for (const auto& one : profiles) relative.push_back(one[b] - *std::min_element(one.begin(), one.end()));
    rows.push_back({bin_centre(b, kProfileBins), profile[b] - lowest, deviation(relative)});
  }
  json["profile"] = {{"columns", {"angle", "free_energy", "error"}}, {"rows", rows}};
  return json;
}

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

Configurations<double> UmbrellaTask::begin(const std::filesystem::path& frames) const {
  if (!frames.empty()) return read_configurations(frames, molecule.size(), 3);
  Configurations<double> structure(1, molecule.size(), 3);
  std::copy(molecule.positions.begin(), molecule.positions.end(), structure[0].begin());
  return structure;
}

namespace {

Npz to_npz(const UmbrellaState& state, const std::string& about) {
  Npz npz;
  npz.arrays["format_version"] = Array::scalar(std::int64_t{1});
  npz.arrays["relaxed"] = Array::scalar(std::int64_t{state.relaxed ? 1 : 0});
  npz.arrays["x"] = Array::of(ConfigurationsView<const double>(state.x.view()));
  npz.arrays["angles"] = Array::of(state.angles);
  npz.arrays["accepted"] = Array::of(state.accepted);
  npz.arrays["tried"] = Array::of(state.tried);
  npz.arrays["rejected"] = Array::of(state.rejected);
  npz.arrays["moved"] = Array::of(state.moved);
  npz.arrays["taken"] = Array::of(state.taken);
  npz.arrays["excess"] = Array::of(state.excess);
  npz.arrays["about"] = Array::text(about);
  return npz;
}

UmbrellaState state_from(const Npz& npz, std::size_t particles) {
  UmbrellaState state;
  state.relaxed = npz["relaxed"].as_int64() == std::vector<std::int64_t>{1};
  state.x = configurations_of(npz["x"], particles, 3);
  state.angles = npz["angles"].as_double();
  state.accepted = npz["accepted"].as_double();
  state.tried = npz["tried"].as_double();
  state.rejected = npz["rejected"].as_double();
  const auto later = [&](const char* name, std::vector<double> before) {
    return npz.contains(name) ? npz[name].as_double() : before;
  };
  state.moved = later("moved", std::vector<double>(state.rejected.size(), 0.0));
  state.taken = later("taken", state.moved);
  state.excess = later("excess", {});
  return state;
}

/// All that the angles depend on, but for their number: of a surrogate its content too.
std::string about_text(const RunConfig& config) {
  nlohmann::ordered_json about{{"seed", config.seed}};
  RunConfig copy = config;
  copy.umbrella.steps = 0;
  copy.umbrella.discard = 0;
  for (const ConfigKey& key : config_table(copy)) {
    const bool dynamics = key.name == "simulate.timestep_fs" || key.name == "simulate.friction_per_ps" ||
                          key.name == "simulate.hydrogen_mass" || key.name == "simulate.guard_peptide_bonds";
    const bool trajectory = key.name == "surrogate.step" || key.name == "surrogate.leapfrog_steps";
    if (key.name == "umbrella.surrogate") continue;  // its content counts, below
    if (dynamics || (trajectory && !config.umbrella.surrogate.empty()) || key.name.starts_with("system.") ||
        key.name.starts_with("umbrella.")) {
      about[key.name] = key.text();
    }
  }
  if (!config.umbrella.surrogate.empty()) {
    const Bytes bytes = read_file(config.umbrella.surrogate);
    about["surrogate"] = fmt::format("{:016x}", content_hash(std::span<const std::uint8_t>(bytes)));
  }
  return about.dump();
}

}  // namespace

nlohmann::ordered_json umbrella_run(const RunConfig& config, const RunFolder& folder,
                                    const std::filesystem::path& frames, const std::function<bool()>& stop,
                                    Reporter& reporter) {
  const UmbrellaTask task = umbrella_task(config);
  const UmbrellaOptions& umbrella_options = task.options;
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
  const bool found = states.read_newest(
      [&](const Npz& npz) {
        if (npz["about"].as_text() != about) {
          throw DataError("{}: is of another request:\n  {} there,\n  {} now", npz.origin,
                          npz["about"].as_text(), about);
        }
        state = state_from(npz, task.molecule.size());
      },
      [&](const std::string& text) { reporter.warn(text); });
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
  while (!umbrella.finished()) {
    umbrella.advance();
    reporter.progress(static_cast<double>(umbrella.blocks_done()) /
                      static_cast<double>(umbrella_options.blocks));
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
  const auto discarded =
      static_cast<std::size_t>(config.umbrella.discard * static_cast<double>(angles.size() / windows));
  auto json = umbrella_analysis(umbrella_options, std::span(angles).subspan(discarded * windows),
                                task.state.low, task.state.high);
  std::vector<double> acceptance;
  for (std::size_t k = 0; k + 1 < windows; ++k) {
    acceptance.push_back(umbrella.state().accepted[k] / std::max(1.0, umbrella.state().tried[k]));
  }
  json["exchange_acceptance"] = acceptance;
  const auto& rejected = umbrella.state().rejected;
  json["rejected_blocks"] = std::accumulate(rejected.begin(), rejected.end(), 0.0);
  if (surrogate.energy) {
    const auto mean = [&](const std::vector<double>& sums) {
      std::vector<double> means = sums;
      for (double& value : means) value /= static_cast<double>(umbrella.blocks_done());
      return means;
    };
    json["surrogate"] = {{"file", config.umbrella.surrogate},
                         {"trajectory_acceptance", mean(umbrella.state().moved)},
                         {"acceptance", mean(umbrella.state().taken)}};
  }
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
