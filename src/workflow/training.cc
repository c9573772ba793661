#include "workflow/training.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

#include "core/hash.h"
#include "egnn/initialise.h"
#include "egnn/make_vector_field.h"
#include "equibolt/error.h"
#include "system/parallel_energy.h"
#include "system/symmetry.h"
#include "train/checkpoint.h"
#include "train/flow_matching.h"
#include "train/path_gradient.h"
#include "workflow/session.h"

namespace equibolt {
namespace {

/// Of all that must not change under way: the data and the network's shape.
std::uint64_t fingerprint_of(const Architecture& architecture, ConfigurationsView<const float> data) {
  const std::uint64_t shape[] = {architecture.particles(), architecture.dim, architecture.hidden,
                                 architecture.layers, architecture.type_features};
  return content_hash(std::span<const std::uint64_t>(shape), content_hash(data.values()));
}

/// Where a training begins.
std::vector<float> first_parameters(const Architecture& architecture, const RunConfig& config) {
  if (config.network.init_from.empty()) return initial_parameters(architecture, config.seed);
  Model model = read_model(config.network.init_from);
  const Architecture& found = model.architecture;
  if (found == architecture) return std::move(model.parameters);
  throw DataError(
      "{}: {} particles of {} types in {} dimensions, {} layers of width {} found; expected {} of {} in {}, "
      "{} of width {}",
      config.network.init_from, found.particles(), std::max<std::size_t>(found.type_features, 1), found.dim,
      found.layers, found.hidden, architecture.particles(),
      std::max<std::size_t>(architecture.type_features, 1), architecture.dim, architecture.layers,
      architecture.hidden);
}

/// The lines of a training's metrics, appended to a file that is cut to where the checkpoint knew it.
class MetricsFile {
 public:
  MetricsFile(const std::filesystem::path& path, std::uint64_t keep_bytes) : path_(path) {
    if (!std::filesystem::exists(path)) std::ofstream(path, std::ios::binary);
    std::error_code error;
    if (std::filesystem::file_size(path, error) > keep_bytes) {
      std::filesystem::resize_file(path, keep_bytes, error);
    }
    file_.open(path, std::ios::binary | std::ios::app);
    if (!file_) throw IoError("{}: cannot be opened for appending", path.string());
  }

  void append(const nlohmann::ordered_json& line) {
    file_ << line.dump() << '\n' << std::flush;
    if (!file_) throw IoError("{}: cannot be written", path_.string());
  }

  /// Returns the file's length, all of which is on the disk.
  std::uint64_t flush_to_disk() {
    const int file = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    const bool ok = file >= 0 && fsync(file) == 0;
    if (file >= 0) close(file);
    if (!ok) throw IoError("{}: cannot be flushed to the disk: {}", path_.string(), std::strerror(errno));
    return std::filesystem::file_size(path_);
  }

 private:
  std::filesystem::path path_;
  std::ofstream file_;
};

nlohmann::ordered_json number_or_null(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json metrics_line(const TrainMetrics& m) {
  return {{"step", m.step},
          {"loss", number_or_null(m.loss)},
          {"validation_loss", number_or_null(m.validation_loss)},
          {"gradient_norm", number_or_null(m.gradient_norm)},
          {"learning_rate", number_or_null(m.rate)},
          {"skipped", m.skipped},
          {"samples_per_second", number_or_null(m.samples_per_second)},
          {"seconds", number_or_null(m.seconds)}};
}

/// One of the trainings that a run consists of.
struct Stage {
  const char* name;
  const char* section;  // of the config
  const TrainOptions& options;
  std::filesystem::path checkpoints;
  std::filesystem::path metrics;
  std::uint64_t fingerprint;
  std::function<std::vector<float>()> first_parameters;
  std::function<std::unique_ptr<Objective>(std::size_t first_step)> objective;
  std::function<nlohmann::ordered_json(const TrainMetrics&)> line;
};

/// Trains from the newest checkpoint on, or from the start, to the end. Throws Stopped where `stop` says so.
TrainState train_stage(const Stage& stage, VectorField& field, ThreadPool& pool,
                       const std::function<bool()>& stop, Reporter& reporter) {
  create_folder(stage.checkpoints);
  TrainState state;
  std::uint64_t metrics_bytes = 0;
  if (auto checkpoint =
          read_newest_checkpoint(stage.checkpoints, [&](const std::string& text) { reporter.warn(text); })) {
    if (checkpoint->fingerprint != stage.fingerprint) {
      throw UsageError("{}: this checkpoint was made with another network or other data; use another folder",
                       stage.checkpoints.string());
    }
    if (checkpoint->backend != field.backend()) {
      reporter.warn(
          fmt::format("the checkpoint was made on '{}', this is '{}': the training goes on, but not "
                      "to the same bits",
                      checkpoint->backend, field.backend()));
    }
    state = std::move(checkpoint->state);
    metrics_bytes = checkpoint->metrics_bytes;
    if (stage.options.steps > 0 && state.step > stage.options.steps) {
      throw UsageError("{}: this training has done {} steps, more than {}.steps = {}; use another folder",
                       stage.checkpoints.string(), state.step, stage.section, stage.options.steps);
    }
    reporter.say("{} goes on from step {}", stage.name, state.step);
  } else {
    state = start_training(stage.first_parameters());
  }
  MetricsFile metrics(stage.metrics, metrics_bytes);
  TrainHooks hooks;
  hooks.log = [&](const TrainMetrics& m) { metrics.append(stage.line(m)); };
  hooks.checkpoint = [&](const TrainState& s) {
    write_checkpoint(stage.checkpoints, {s, stage.fingerprint, metrics.flush_to_disk(), field.backend()});
  };
  hooks.progress = [&](double fraction, const TrainMetrics& m) {
    reporter.progress(fraction, fmt::format("step {}  loss {:.4f}  validation {:.4f}  {:.4g} samples/s",
                                            state.step, m.loss, m.validation_loss, m.samples_per_second));
  };
  hooks.stop = stop;
  reporter.start_progress(stage.name);
  const std::unique_ptr<Objective> objective = stage.objective(state.step);
  const bool finished = train(field, *objective, stage.options, pool, state, hooks);
  reporter.end_progress();
  if (!finished) {
    throw Stopped("{} stopped at step {}; the same command goes on from there", stage.name, state.step);
  }
  return state;
}

/// What all parts of a run's training share.
class RunTraining {
 public:
  RunTraining(const RunConfig& config, const RunFolder& folder, const TargetData& data,
              const std::function<bool()>& stop, Reporter& reporter)
      : config_(config),
        folder_(folder),
        data_(data),
        stop_(stop),
        reporter_(reporter),
        energy_(make_energy(config.system)),
        architecture_(architecture_of(config, *energy_)),
        pool_(config.threads) {
    const std::size_t checked = std::min<std::size_t>(data.train.count(), 16);
    require_invariance(*energy_, converted<double>(data.train.view().slice(0, checked)), config.seed);
  }

  /// Flow matching, whose network goes to `path`.
  void match_flow(const std::filesystem::path& path) {
    if (config_.train.steps == 0 && !(config_.train.minutes > 0)) {  // the network of network.init_from it is
      write(path, {architecture_, first_parameters(architecture_, config_), {}});
      return;
    }
    const auto field = field_for(config_.matching.precision);
    CouplingOptions coupling_options = config_.coupling;
    coupling_options.types = energy_->types();
    coupling_options.dim = energy_->dim();
    const auto coupling = make_coupling(coupling_options);
    const Stage stage{"training",
                      "train",
                      config_.train,
                      folder_.checkpoints(),
                      folder_.metrics(),
                      fingerprint_of(architecture_, data_.train),
                      [&] { return first_parameters(architecture_, config_); },
                      [&](std::size_t first_step) {
                        return std::make_unique<FlowMatching>(
                            *field, TrainingData{data_.train, data_.validation}, *coupling, config_.matching,
                            config_.seed, config_.train.batch, first_step);
                      },
                      [](const TrainMetrics& m) {
                        auto line = metrics_line(m);
                        line["transport_cost"] = number_or_null(m.transport_cost);
                        line["waiting"] = number_or_null(m.waiting);
                        return line;
                      }};
    const TrainState state = train_stage(stage, *field, pool_, stop_, reporter_);
    Model model{architecture_, state.average, {}};
    model.metadata["training"] =
        fmt::format("{} steps of {} samples in {}; {} skipped", state.step, config_.train.batch,
                    duration_text(state.seconds), state.skipped);
    reporter_.say("trained: {}", model.metadata["training"]);
    write(path, std::move(model));
  }

  /// Path gradients, from the network in `from`.
  void finetune(const std::filesystem::path& from, const std::filesystem::path& path) {
    Model model = read_model(from);
    // In half precision the differences that ∇(∇·v) is made of would drown.
    const auto field = field_for(PrecisionChoice::fp32);
    ParallelEnergy energy(*energy_, pool_);
    const Stage stage{
        "fine-tuning",
        "finetune",
        config_.finetune,
        folder_.finetune_checkpoints(),
        folder_.finetune_metrics(),
        content_hash(std::span<const float>(model.parameters), fingerprint_of(architecture_, data_.train)),
        [&] { return model.parameters; },
        [&](std::size_t) {
          return std::make_unique<PathGradient>(
              *field, TrainingData{data_.train, data_.validation},
              [&](auto x, auto u, auto gradient, auto status) { energy.evaluate(x, u, gradient, status); },
              config_.path_gradient, config_.flow, data_.log_z ? data_.log_z->value : 0, config_.seed,
              config_.finetune.batch);
        },
        [](const TrainMetrics& m) {
          auto line = metrics_line(m);
          line["left_out"] = m.left_out;
          return line;
        }};
    const TrainState state = train_stage(stage, *field, pool_, stop_, reporter_);
    model.parameters = state.average;
    model.metadata["finetuning"] =
        fmt::format("{} steps of {} samples in {}; {} skipped, {} samples left out", state.step,
                    config_.finetune.batch, duration_text(state.seconds), state.skipped, state.left_out);
    reporter_.say("fine-tuned: {}", model.metadata["finetuning"]);
    write(path, std::move(model));
  }

 private:
  std::unique_ptr<VectorField> field_for(PrecisionChoice precision) {
    return make_vector_field(config_.device, architecture_, initial_parameters(architecture_, config_.seed),
                             pool_, precision);
  }

  void write(const std::filesystem::path& path, Model model) {
    RunConfig anywhere = config_;  // where it was trained says nothing of where it is used
    anywhere.device = Device::automatic;
    model.metadata["config"] = config_text(anywhere, false);
    if (data_.log_z) {
      model.metadata["log_z"] = fmt::format("{}", data_.log_z->value);
      model.metadata["log_z_error"] = fmt::format("{}", data_.log_z->error);
    }
    write_model(path, model);
  }

  const RunConfig& config_;
  const RunFolder& folder_;
  const TargetData& data_;
  const std::function<bool()>& stop_;
  Reporter& reporter_;
  std::unique_ptr<Energy> energy_;
  Architecture architecture_;
  ThreadPool pool_;
};

}  // namespace

void train_run(const RunConfig& config, const RunFolder& folder, const TargetData& data,
               const std::function<bool()>& stop, Reporter& reporter) {
  RunTraining training(config, folder, data, stop, reporter);
  if (!config.finetunes()) {
    training.match_flow(folder.model());
    return;
  }
  if (!std::filesystem::exists(folder.flow_matched())) training.match_flow(folder.flow_matched());
  training.finetune(folder.flow_matched(), folder.model());
}

}  // namespace equibolt
