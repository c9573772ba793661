#include "molecules/relaxation.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <numeric>
#include <sstream>

#include "config/config_table.h"
#include "core/hash.h"
#include "core/stopwatch.h"
#include "equibolt/error.h"
#include "io/configurations_file.h"
#include "io/npz.h"
#include "molecules/about_system.h"
#include "runs/simulated_system.h"
#include "simulate/short_trajectories.h"
#include "system/frame_check.h"

namespace equibolt {
namespace {

constexpr std::int64_t kFormatVersion = 1;

/// The relaxed configurations so far.
struct Relaxed {
  std::vector<float> x;             // (n, N, 3)
  std::vector<double> energy;       // (n,)
  std::vector<std::int64_t> frame;  // (n,): the frame where each began
  std::int64_t trajectories = 0;    ///< that were run; those that failed are not in the arrays
};

/// All that the relaxed configurations depend on, but for their number.
std::string about_text(const RunConfig& config, ConfigurationsView<const double> frames) {
  nlohmann::ordered_json about{{"frames", frames.count()},
                               {"frames_hash", fmt::format("{:016x}", content_hash(frames.values()))},
                               {"seed", config.seed}};
  about.update(about_system(config));
  RunConfig copy = config;
  for (const ConfigKey& key : config_table(copy)) {
    if (key.name.starts_with("relax.")) about[key.name] = key.text();
  }
  return about.dump();
}

Relaxed read_relaxed(const std::filesystem::path& path, const std::string& about, std::size_t coordinates) {
  const Npz npz = read_npz(path);
  if (npz["format_version"].as_int64() != std::vector{kFormatVersion}) {
    throw DataError("{}: expected format version {} of relaxed configurations", path.string(),
                    kFormatVersion);
  }
  if (npz["about"].as_text() != about) {
    throw UsageError("{}: holds what another request gave:\n  {} there,\n  {} now\nGive another output",
                     path.string(), npz["about"].as_text(), about);
  }
  Relaxed relaxed{npz["x"].as_float(), npz["energy"].as_double(), npz["frame"].as_int64(), 0};
  const auto trajectories = npz["trajectories"].as_int64();
  const bool sound = trajectories.size() == 1 && relaxed.x.size() == relaxed.energy.size() * coordinates &&
                     relaxed.frame.size() == relaxed.energy.size() &&
                     trajectories[0] >= static_cast<std::int64_t>(relaxed.energy.size());
  if (!sound) throw DataError("{}: its arrays do not fit together", path.string());
  relaxed.trajectories = trajectories[0];
  return relaxed;
}

void write_relaxed(const std::filesystem::path& path, const Relaxed& relaxed, const std::string& about,
                   std::size_t particles) {
  Npz npz;
  npz.arrays["x"] = Array::of(std::span<const float>(relaxed.x), {relaxed.energy.size(), particles, 3});
  npz.arrays["energy"] = Array::of(relaxed.energy);
  npz.arrays["frame"] = Array::of(relaxed.frame);
  npz.arrays["trajectories"] = Array::scalar(relaxed.trajectories);
  npz.arrays["about"] = Array::text(about);
  npz.arrays["format_version"] = Array::scalar(kFormatVersion);
  write_npz(path, npz, Compression::deflate);
}

double von_mises(double angle, double mean, double concentration) {
  return std::exp(concentration * std::cos(angle - mean)) /
         (2 * std::numbers::pi * std::cyl_bessel_i(0.0, concentration));
}

}  // namespace

std::vector<double> frame_weights(const std::string& bias, const Molecule& molecule,
                                  std::span<const NamedDihedral> dihedrals,
                                  ConfigurationsView<const double> frames) {
  std::vector<double> weights(frames.count(), 1.0);
  if (bias.empty()) return weights;
  std::istringstream words(bias);
  std::string name, rest;
  double factor = 0, mean = 0, concentration = 0;
  const bool read = static_cast<bool>(words >> name >> factor >> mean >> concentration) && !(words >> rest);
  const auto found =
      std::find_if(dihedrals.begin(), dihedrals.end(), [&](const auto& d) { return d.name == name; });
  if (!read || !(factor >= 0 && concentration >= 0 && concentration <= 700) || found == dihedrals.end()) {
    throw UsageError(
        "relax.bias: expected the name of a dihedral of {}, a factor, a mean and a concentration, as in "
        "\"phi 150 1 "
        "10\", found '{}'",
        molecule.origin, bias);
  }
  for (std::size_t b = 0; b < frames.count(); ++b) {
    weights[b] += factor * von_mises(dihedral(frames[b], found->atoms), mean, concentration);
  }
  return weights;
}

std::size_t relax_frames(const RunConfig& config, const RelaxationTask& task,
                         const std::function<bool()>& stop, Reporter& reporter) {
  const MoleculeOptions* options = molecule_options_of(config.system);
  if (options == nullptr) throw UsageError("relax: expected a molecule (system.kind \"openmm\" or \"xtb\")");
  const Molecule molecule = load_molecule(options->structure);
  const auto dihedrals = dihedrals_of(molecule, options->dihedrals);
  const Configurations<double> frames = read_configurations(task.frames, molecule.size(), 3);
  require_frames_of(molecule, frames.view(), task.frames.string());
  std::vector<double> cumulative = frame_weights(config.relax.bias, molecule, dihedrals, frames.view());
  std::partial_sum(cumulative.begin(), cumulative.end(), cumulative.begin());
  MolecularDynamics dynamics;
  dynamics.timestep_fs = config.relax.timestep_fs;
  dynamics.friction_per_ps = config.relax.friction_per_ps;
  dynamics.hydrogen_mass = 0;
  const LangevinOptions langevin = langevin_options_of(dynamics, molecule, options->temperature);

  const std::string about = about_text(config, frames.view());
  Relaxed relaxed;
  if (std::filesystem::exists(task.output)) {
    relaxed = read_relaxed(task.output, about, frames.coordinates());
    reporter.say("{}: {} relaxed already", task.output.string(), relaxed.energy.size());
  }
  const std::unique_ptr<Energy> energy = make_energy(config.system);
  ThreadPool pool(config.threads);
  reporter.start_progress("relaxing");
  Stopwatch since_file;
  const auto done = [&] { return static_cast<std::size_t>(relaxed.trajectories); };
  const std::size_t block = 4 * pool.size();
  while (done() < task.count) {
    const std::size_t count = std::min(block, task.count - done());
    Configurations<double> starts(count, molecule.size(), 3);
    std::vector<std::size_t> chosen(count);
    for (std::size_t b = 0; b < count; ++b) {
      chosen[b] = draw_start(cumulative, done() + b, config.seed);
      std::copy(frames[chosen[b]].begin(), frames[chosen[b]].end(), starts[b].begin());
    }
    const TrajectoryEnds ends =
        short_trajectories(*energy, starts.view(), done(), config.relax.steps, langevin, config.seed, pool);
    for (std::size_t b = 0; b < count; ++b) {
      if (ends.status[b] != EnergyStatus::ok) continue;
      relaxed.x.insert(relaxed.x.end(), ends.x[b].begin(), ends.x[b].end());
      relaxed.energy.push_back(ends.energy[b]);
      relaxed.frame.push_back(static_cast<std::int64_t>(chosen[b]));
    }
    relaxed.trajectories += static_cast<std::int64_t>(count);
    reporter.progress(static_cast<double>(done()) / static_cast<double>(task.count));
    const bool stopping = stop();
    if (stopping || done() == task.count || since_file.seconds() > config.checkpoint_seconds) {
      write_relaxed(task.output, relaxed, about, molecule.size());
      since_file = Stopwatch();
    }
    if (stopping && done() < task.count) {
      throw Stopped("stopped after {} of {} trajectories; the same command goes on from there", done(),
                    task.count);
    }
  }
  reporter.end_progress();
  const std::size_t failed = done() - relaxed.energy.size();
  if (failed > 0) reporter.warn(fmt::format("{} of {} trajectories met a failing energy", failed, done()));
  if (!relaxed.energy.empty()) {
    const auto [low, high] = std::minmax_element(relaxed.energy.begin(), relaxed.energy.end());
    reporter.say("{}: {} relaxed configurations with energies from {:.6g} to {:.6g} kT", task.output.string(),
                 relaxed.energy.size(), *low, *high);
  }
  return relaxed.energy.size();
}

}  // namespace equibolt
