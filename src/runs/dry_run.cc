#include "runs/dry_run.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>

#include "core/geometry.h"
#include "core/progress.h"
#include "core/stopwatch.h"
#include "egnn/cpu_vector_field.h"
#include "egnn/cuda_vector_field.h"
#include "egnn/initialise.h"
#include "egnn/make_vector_field.h"
#include "flow/prior.h"
#include "io/configurations_file.h"
#include "runs/sampling.h"
#include "runs/session.h"
#include "runs/simulated_system.h"
#include "runs/simulation_time.h"
#include "system/parallel_energy.h"
#include "train/flow_matching.h"
#include "train/path_gradient.h"

namespace equibolt {
namespace {

constexpr double kTrialSeconds = 3;  // for each stage

double seconds_of_simulation(const RunConfig& config, ThreadPool& pool) {
  const SimulatedEnergies energies = simulated_energies(config);
  return simulation_time(*energies.ladder, simulate_options_of(config), pool, kTrialSeconds,
                         energies.target.get())
      .seconds;
}

/// Something of the target's shape to train on: its data where they are files, else samples of the prior,
/// which cost the network and the coupling as much.
Configurations<float> trial_data(const RunConfig& config) {
  const SystemSpec& system = config.system;
  if (!config.data.train.empty()) {
    auto x = read_configurations(config.data.train, system.particles, system.dim);
    remove_mean(x.view());
    return converted<float>(x.view());
  }
  Configurations<double> x(4096, system.particles, system.dim);
  sample_prior(config.seed, 0, x.view());
  return converted<float>(x.view());
}

struct TrainingTrial {
  double seconds = 0;  ///< of the whole training
  double samples_per_second = 0;
};

TrainingTrial try_training(const TrainOptions& options, std::uint64_t seed, VectorField& field,
                           Objective& objective, ThreadPool& pool) {
  TrainState state = start_training(initial_parameters(field.architecture(), seed));
  const Stopwatch watch;
  TrainHooks hooks;
  hooks.log = [](const TrainMetrics&) {};
  hooks.checkpoint = [](const TrainState&) {};
  hooks.progress = [](double, const TrainMetrics&) {};
  hooks.stop = [&] { return watch.seconds() > kTrialSeconds; };
  train(field, objective, options, pool, state, hooks);
  const double rate = static_cast<double>(state.step) / watch.seconds();
  double seconds =
      std::numeric_limits<double>::infinity();  // the training ends with the first end that is set
  if (options.steps > 0) seconds = static_cast<double>(options.steps) / rate;
  if (options.minutes > 0) seconds = std::min(seconds, 60 * options.minutes);
  return {seconds, rate * static_cast<double>(options.batch)};
}

TrainingTrial try_matching(const RunConfig& config, const Energy& energy, ThreadPool& pool) {
  const Architecture architecture = architecture_of(config, energy);
  const auto field =
      make_vector_field(config.device, architecture, initial_parameters(architecture, config.seed), pool,
                        config.matching.precision);
  const Configurations<float> data = trial_data(config);
  CouplingOptions coupling_options = config.coupling;
  coupling_options.types = energy.types();
  coupling_options.dim = energy.dim();
  FlowMatching objective(*field, {data.view(), {}}, *make_coupling(coupling_options), config.matching,
                         config.seed, config.train.batch, 0);
  return try_training(config.train, config.seed, *field, objective, pool);
}

TrainingTrial try_finetuning(const RunConfig& config, const Energy& energy, ThreadPool& pool) {
  const Architecture architecture = architecture_of(config, energy);
  const auto field =
      make_vector_field(config.device, architecture, initial_parameters(architecture, config.seed), pool,
                        PrecisionChoice::fp32);
  const Configurations<float> data = trial_data(config);
  ParallelEnergy parallel(energy, pool);
  // Forces on samples of the prior may be beyond all numbers: they are computed, but the prior's are taken.
  const auto energy_of_batch = [&](auto x, auto u, auto gradient, auto status) {
    parallel.evaluate(x, u, gradient, status);
    for (std::size_t k = 0; k < x.size(); ++k) gradient.data()[k] = x.data()[k];
    std::ranges::fill(u, 0.0);
    std::ranges::fill(status, EnergyStatus::ok);
  };
  PathGradient objective(*field, {data.view(), {}}, energy_of_batch, config.path_gradient, config.flow, 0,
                         config.seed, config.finetune.batch);
  return try_training(config.finetune, config.seed, *field, objective, pool);
}

double seconds_per_sample(Session& session) {
  std::size_t done = 0;
  const Stopwatch watch;
  for (std::size_t block = 16; watch.seconds() < kTrialSeconds;
       block = std::min<std::size_t>(2 * block, 1024)) {
    draw_samples(session, session.config().seed, done, block);
    done += block;
  }
  return watch.seconds() / static_cast<double>(done);
}

double peak_mebibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// Lines of a plan with the time that each stage takes.
class Timetable {
 public:
  explicit Timetable(const RunPlan& plan) : plan_(plan) {}

  void line(const std::string& name, Stage stage, double seconds, const std::string& what) {
    constexpr std::array states{"done", "resume", "to do", "do again"};
    const StageState state = plan_.state(stage);
    const bool done = state == StageState::done;
    text_ += fmt::format("{:<18} {:<9} {:<12} {}\n", name, states.at(static_cast<std::size_t>(state)),
                         done ? "" : duration_text(seconds), done ? "" : what);
    if (!done) total_ += seconds;
  }
  std::string text() const {
    return text_ + fmt::format("{:<18} {:<9} {}\n", "in all, about", "", duration_text(total_));
  }

 private:
  const RunPlan& plan_;
  std::string text_;
  double total_ = 0;
};

std::string consequences(const RunPlan& plan) {
  std::string text;
  for (const std::string& warning : plan.warnings) text += "warning: " + warning + "\n";
  for (const std::string& note : plan.notes) text += "note: " + note + "\n";
  for (const auto& path : plan.moved) text += fmt::format("moved to previous/: {}\n", path.string());
  return text + left_over_text(plan);
}

}  // namespace

std::string dry_run(const RunConfig& config, const RunPlan& plan) {
  const auto to_do = [&](Stage stage) { return plan.state(stage) != StageState::done; };
  const std::unique_ptr<Energy> energy = make_energy(config.system);
  const Architecture architecture = architecture_of(config, *energy);
  ThreadPool pool(config.threads);
  Timetable timetable(plan);
  const std::size_t configurations = config.simulate.samples;
  if (config.data.train.empty()) {
    timetable.line("simulation", Stage::simulation,
                   to_do(Stage::simulation) ? seconds_of_simulation(config, pool) : 0,
                   fmt::format("{} samples of {} chains", configurations, config.simulate.chains));
  }
  const auto line_of_training = [&](const char* name, Stage stage, const TrainOptions& options,
                                    const auto& trial) {
    const TrainingTrial found = to_do(stage) ? trial(config, *energy, pool) : TrainingTrial{};
    timetable.line(
        name, stage, found.seconds,
        fmt::format("{} samples/s in batches of {}", rate_text(found.samples_per_second), options.batch));
  };
  if (config.train.steps > 0 || config.train.minutes > 0)
    line_of_training("training", Stage::training, config.train, try_matching);
  if (config.finetunes()) line_of_training("fine-tuning", Stage::finetuning, config.finetune, try_finetuning);
  if (!to_do(Stage::evaluation)) {
    timetable.line("evaluation", Stage::evaluation, 0, "");
  } else {
    const bool trained =
        std::filesystem::exists(plan.folder.model()) && !to_do(Stage::training) && !to_do(Stage::finetuning);
    Model model{architecture, initial_parameters(architecture, config.seed), {}};
    Session session(config, trained ? read_model(plan.folder.model()) : std::move(model));
    const double each = seconds_per_sample(session);
    timetable.line("samples", Stage::evaluation, each * static_cast<double>(config.evaluate.samples),
                   fmt::format("{} at {:.4g} per second", config.evaluate.samples, 1 / each));
    timetable.line("test densities", Stage::evaluation,
                   each * static_cast<double>(config.evaluate.test_samples),
                   fmt::format("of {} configurations at most", config.evaluate.test_samples));
  }
  // The trial's own memory and, which it had none of, simulated data and evaluated samples: float64, twice.
  const double numbers = static_cast<double>(configurations + config.evaluate.samples) *
                         static_cast<double>(config.system.particles * config.system.dim);
  const double megabytes = peak_mebibytes() + 16 * numbers / 0x1p20;
  const bool on_gpu = device_for(config.device, architecture, config.matching.precision) == Device::cuda;
  return fmt::format("{}{:<18} about {:.0f} MiB\n{:<18} {}, {} threads\n{}", timetable.text(), "memory",
                     megabytes, "on", on_gpu ? cuda_device().name : instruction_sets().front(), pool.size(),
                     consequences(plan));
}

}  // namespace equibolt
