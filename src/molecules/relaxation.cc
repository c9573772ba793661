#include "molecules/relaxation.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/hash.h"
#include "core/saver.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/configurations_file.h"
#include "io/npz.h"
#include "runs/biased_data.h"
#include "runs/format_version.h"
#include "runs/output_lock.h"
#include "runs/request.h"
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

/// A request whose parts have been checked.
struct Prepared {
  Molecule molecule;
  Configurations<double> frames;
  std::vector<double> cumulative;  ///< weights of the frames, summed
  LangevinOptions langevin;
  std::unique_ptr<Energy> energy;
  Request request;  ///< all that the relaxed configurations depend on, but for their number
};

Prepared prepare(const RunConfig& config, const RelaxationTask& task) {
  const MoleculeOptions* options = molecule_options_of(config.system);
  if (options == nullptr) throw UsageError("relax: expected a molecule (system.kind \"openmm\" or \"xtb\")");
  require_place_for(task.output);
  Molecule molecule = load_molecule(options->structure);
  const auto dihedrals = dihedrals_of(molecule, options->dihedrals);
  Configurations<double> frames = read_configurations(task.frames, molecule.size(), 3);
  require_frames_of(molecule, frames.view(), task.frames.string());
  std::vector<double> cumulative = frame_weights(config.relax.bias, molecule, dihedrals, frames.view());
  const std::vector<double> bias = bias_of_data(task.frames).energy;  // frames of a biased simulation
  for (std::size_t b = 0; b < bias.size(); ++b) cumulative[b] *= std::exp(bias[b]);
  std::partial_sum(cumulative.begin(), cumulative.end(), cumulative.begin());
  MolecularDynamics dynamics;
  dynamics.timestep_fs = config.relax.timestep_fs;
  dynamics.friction_per_ps = config.relax.friction_per_ps;
  dynamics.hydrogen_mass = 0;
  LangevinOptions langevin = langevin_options_of(dynamics, molecule, options->temperature);
  Request request(
      config, [](const std::string& key) { return key.starts_with("system.") || key.starts_with("relax."); });
  request.add("seed", config.seed);
  request.add("frames", frames.count());
  if (!bias.empty()) request.add_hash("bias", content_hash(std::span<const double>(bias)));
  request.add_hash("frames", content_hash(ConfigurationsView<const double>(frames.view()).values()));
  return {std::move(molecule), std::move(frames),          std::move(cumulative),
          std::move(langevin), make_energy(config.system), std::move(request)};
}

/// What the output holds so far, of the same request; nothing where there is no output.
Relaxed relaxed_so_far(const std::filesystem::path& path, const Prepared& prepared) {
  if (!std::filesystem::exists(path)) return {};
  const Npz npz = read_npz(path);
  require_version(npz["format_version"], kFormatVersion, path.string());
  prepared.request.require_same(npz["about"].as_text(), path.string(),
                                "Give another output, or the same settings.");
  Relaxed relaxed{npz["x"].as_float(), npz["energy"].as_double(), npz["frame"].as_int64(), 0};
  const auto trajectories = npz["trajectories"].as_int64();
  const bool sound = trajectories.size() == 1 &&
                     relaxed.x.size() == relaxed.energy.size() * prepared.frames.coordinates() &&
                     relaxed.frame.size() == relaxed.energy.size() &&
                     trajectories[0] >= static_cast<std::int64_t>(relaxed.energy.size());
  if (!sound) throw DataError("{}: its arrays do not fit together", path.string());
  relaxed.trajectories = trajectories[0];
  return relaxed;
}

void write_relaxed(const std::filesystem::path& path, const Relaxed& relaxed, const Prepared& prepared) {
  Npz npz;
  npz.arrays["x"] =
      Array::of(std::span<const float>(relaxed.x), {relaxed.energy.size(), prepared.molecule.size(), 3});
  npz.arrays["energy"] = Array::of(relaxed.energy);
  npz.arrays["frame"] = Array::of(relaxed.frame);
  npz.arrays["trajectories"] = Array::scalar(relaxed.trajectories);
  npz.arrays["about"] = Array::text(prepared.request.text());
  npz.arrays["format_version"] = Array::scalar(kFormatVersion);
  write_npz(path, npz, Compression::deflate);
}

OutputPlan plan_of(const RelaxationTask& task, const Relaxed& relaxed) {
  const auto done = static_cast<std::size_t>(relaxed.trajectories);
  return {
      task.output, "trajectories", done, task.count, std::filesystem::exists(task.output), done >= task.count,
      {}};
}

/// Runs the trajectories that are missing, and adds them.
void run_trajectories(const RunConfig& config, const RelaxationTask& task, const Prepared& prepared,
                      Relaxed& relaxed, const std::function<bool()>& stop, Reporter& reporter) {
  ThreadPool pool(config.threads);
  reporter.start_progress("relaxing");
  Saver saver(stop, config.checkpoint_seconds, [&] { write_relaxed(task.output, relaxed, prepared); });
  const auto done = [&] { return static_cast<std::size_t>(relaxed.trajectories); };
  const std::size_t block = 4 * pool.size();
  while (done() < task.count) {
    const std::size_t count = std::min(block, task.count - done());
    Configurations<double> starts(count, prepared.molecule.size(), 3);
    std::vector<std::size_t> chosen(count);
    for (std::size_t b = 0; b < count; ++b) {
      chosen[b] = draw_start(prepared.cumulative, done() + b, config.seed);
      const auto frame = prepared.frames[chosen[b]];
      std::copy(frame.begin(), frame.end(), starts[b].begin());
    }
    const TrajectoryEnds ends = short_trajectories(*prepared.energy, starts.view(), done(),
                                                   config.relax.steps, prepared.langevin, config.seed, pool);
    for (std::size_t b = 0; b < count; ++b) {
      if (ends.status[b] != EnergyStatus::ok) continue;
      relaxed.x.insert(relaxed.x.end(), ends.x[b].begin(), ends.x[b].end());
      relaxed.energy.push_back(ends.energy[b]);
      relaxed.frame.push_back(static_cast<std::int64_t>(chosen[b]));
    }
    relaxed.trajectories += static_cast<std::int64_t>(count);
    reporter.progress(static_cast<double>(done()) / static_cast<double>(task.count));
    const bool last = done() == task.count;
    if (saver.save_if_due(last) && !last) {
      throw Stopped("stopped after {} of {} trajectories; the same command goes on from there", done(),
                    task.count);
    }
  }
  reporter.end_progress();
}

}  // namespace

std::vector<double> frame_weights(const std::string& bias, const Molecule& molecule,
                                  std::span<const NamedDihedral> dihedrals,
                                  ConfigurationsView<const double> frames) {
  std::vector<double> weights(frames.count(), 1.0);
  const auto of_dihedral = dihedral_bias(bias, "relax.bias", molecule, dihedrals);
  for (std::size_t b = 0; of_dihedral && b < frames.count(); ++b)
    weights[b] = of_dihedral->weight(dihedral(frames[b], of_dihedral->atoms));
  return weights;
}

OutputPlan plan_relaxation(const RunConfig& config, const RelaxationTask& task) {
  return plan_of(task, relaxed_so_far(task.output, prepare(config, task)));
}

std::size_t relax_frames(const RunConfig& config, const RelaxationTask& task,
                         const std::function<bool()>& stop, Reporter& reporter) {
  const Prepared prepared = prepare(config, task);
  Relaxed relaxed = relaxed_so_far(task.output, prepared);
  if (const OutputPlan plan = plan_of(task, relaxed); plan.nothing_to_do) {
    reporter.say("{}", text_of(plan));
    return relaxed.energy.size();
  }
  const OutputLock lock = OutputLock::of_file(task.output);
  remove_partial_files_of(task.output);
  relaxed = relaxed_so_far(task.output, prepared);  // another process may have worked on it since the look
  if (relaxed.trajectories > 0) reporter.say("{}", text_of(plan_of(task, relaxed)));
  run_trajectories(config, task, prepared, relaxed, stop, reporter);
  const auto trajectories = static_cast<std::size_t>(relaxed.trajectories);
  const std::size_t failed = trajectories - relaxed.energy.size();
  if (failed > 0)
    reporter.warn(fmt::format("{} of {} trajectories met a failing energy", failed, trajectories));
  if (!relaxed.energy.empty()) {
    const auto [low, high] = std::minmax_element(relaxed.energy.begin(), relaxed.energy.end());
    reporter.say("{}: {} relaxed configurations with energies from {:.6g} to {:.6g} kT", task.output.string(),
                 relaxed.energy.size(), *low, *high);
  }
  return relaxed.energy.size();
}

}  // namespace equibolt
