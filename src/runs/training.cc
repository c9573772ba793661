#include "runs/training.h"

#include <algorithm>

#include "core/hash.h"
#include "egnn/initialise.h"
#include "egnn/make_vector_field.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "runs/session.h"
#include "runs/simulated_system.h"
#include "runs/training_stage.h"
#include "system/energy_files.h"
#include "system/parallel_energy.h"
#include "system/system_check.h"
#include "train/flow_matching.h"
#include "train/path_gradient.h"

namespace equibolt {
namespace {

/// Of all that must not change under way: the data and the network's shape.
std::uint64_t fingerprint_of(const Architecture& architecture, ConfigurationsView<const float> data) {
  const std::uint64_t shape[] = {architecture.particles(), architecture.dim, architecture.hidden,
                                 architecture.layers, architecture.type_features};
  return content_hash(std::span<const std::uint64_t>(shape), content_hash(data.values()));
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
    const auto x = converted<double>(data.train.view().slice(0, checked));
    for (const std::string& text : check_system(config.system, *energy_, x.view(), config.seed))
      reporter.warn(text);
  }

  /// Flow matching, whose network goes to `path`.
  void match_flow(const std::filesystem::path& path) {
    if (config_.train.steps == 0 && !(config_.train.minutes > 0)) {  // the network of network.init_from it is
      // and keeps what it says of its own training.
      write(path, {architecture_, first_parameters(architecture_, config_),
                   read_model(config_.network.init_from).metadata});
      return;
    }
    const auto field = field_for(config_.matching.precision);
    CouplingOptions coupling_options = config_.coupling;
    coupling_options.types = energy_->types();
    coupling_options.dim = energy_->dim();
    const auto coupling = make_coupling(coupling_options);
    const TrainingStage stage{"training",
                              "train",
                              config_.train,
                              config_.checkpoint_seconds,
                              folder_.checkpoints(),
                              folder_.metrics(),
                              fingerprint_of(architecture_, data_.train),
                              [&] { return first_parameters(architecture_, config_); },
                              [&](std::size_t first_step) {
                                return std::make_unique<FlowMatching>(
                                    *field, TrainingData{data_.train, data_.validation}, *coupling,
                                    config_.matching, config_.seed, config_.train.batch, first_step);
                              },
                              [](const TrainMetrics& m) {
                                auto line = metrics_line(m);
                                line["transport_cost"] = number_or_null(m.transport_cost);
                                line["waiting"] = number_or_null(m.waiting);
                                return line;
                              }};
    const TrainState state = train_stage(stage, *field, pool_, stop_, reporter_);
    Model model{architecture_, averaged_parameters(state), {}};
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
    ParallelEnergy energy(*trained_energy(config_), pool_);
    const auto objective = [&](std::size_t) {
      return std::make_unique<PathGradient>(
          *field, TrainingData{data_.train, data_.validation},
          [&](auto x, auto u, auto gradient, auto status) { energy.evaluate(x, u, gradient, status); },
          config_.path_gradient, config_.flow, data_.log_z ? data_.log_z->value : 0, config_.seed,
          config_.finetune.batch);
    };
    const TrainingStage stage{
        "fine-tuning",
        "finetune",
        config_.finetune,
        config_.checkpoint_seconds,
        folder_.finetune_checkpoints(),
        folder_.finetune_metrics(),
        content_hash(std::span<const float>(model.parameters), fingerprint_of(architecture_, data_.train)),
        [&] { return model.parameters; },
        objective,
        [](const TrainMetrics& m) {
          auto line = metrics_line(m);
          line["left_out"] = m.left_out;
          return line;
        }};
    const TrainState state = train_stage(stage, *field, pool_, stop_, reporter_);
    if (data_.validation.count() > 0) {
      const auto on_held_out_data = [&](const std::vector<float>& parameters) {
        field->set_parameters(parameters);
        return objective(0)->validation_loss();
      };
      reporter_.say("KL{} on {} held-out configurations: {:.3f} before, {:.3f} after",
                    data_.log_z ? "" : " + log Z",
                    config_.path_gradient.validation_batches * config_.finetune.batch,
                    on_held_out_data(model.parameters), on_held_out_data(averaged_parameters(state)));
    }
    model.parameters = averaged_parameters(state);
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
    const std::string files = text_of(files_of(config_.system));
    if (!files.empty()) model.metadata["files"] = files;
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

void train_run(const RunConfig& config, const RunFolder& folder, const TargetData& data,
               const StageClock& clock, const std::function<bool()>& stop, Reporter& reporter) {
  RunTraining training(config, folder, data, stop, reporter);
  if (!config.finetunes()) {
    // Of a run whose fine-tuning was dropped, the network of flow matching becomes the model again.
    if (std::filesystem::exists(folder.flow_matched())) {
      move_file(folder.flow_matched(), folder.model());
    } else {
      clock.time(Stage::training, [&] { training.match_flow(folder.model()); });
    }
    return;
  }
  if (!std::filesystem::exists(folder.flow_matched()))
    clock.time(Stage::training, [&] { training.match_flow(folder.flow_matched()); });
  clock.time(Stage::finetuning, [&] { training.finetune(folder.flow_matched(), folder.model()); });
}

}  // namespace equibolt
