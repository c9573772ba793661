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
#include "system/symmetry.h"
#include "train/checkpoint.h"
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

  void append(const TrainMetrics& m) {
    const auto number = [](double value) {
      return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
    };
    const nlohmann::ordered_json line{{"step", m.step},
                                      {"loss", number(m.loss)},
                                      {"validation_loss", number(m.validation_loss)},
                                      {"gradient_norm", number(m.gradient_norm)},
                                      {"learning_rate", number(m.rate)},
                                      {"transport_cost", number(m.transport_cost)},
                                      {"skipped", m.skipped},
                                      {"samples_per_second", number(m.samples_per_second)},
                                      {"waiting", number(m.waiting)},
                                      {"seconds", number(m.seconds)}};
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

}  // namespace

void train_run(const RunConfig& config, const RunFolder& folder, const TargetData& data,
               const std::function<bool()>& stop, Reporter& reporter) {
  const std::unique_ptr<Energy> energy = make_energy(config.system);
  const Architecture architecture = architecture_of(config, *energy);
  const std::uint64_t fingerprint = fingerprint_of(architecture, data.train);

  const std::size_t checked = std::min<std::size_t>(data.train.count(), 16);
  require_invariance(*energy, converted<double>(data.train.view().slice(0, checked)), config.seed);
  create_folder(folder.checkpoints());
  ThreadPool pool(config.threads);
  const auto field =
      make_vector_field(config.device, architecture, initial_parameters(architecture, config.seed), pool,
                        config.train.precision);
  TrainState state;
  std::uint64_t metrics_bytes = 0;
  if (auto checkpoint = read_newest_checkpoint(folder.checkpoints(),
                                               [&](const std::string& text) { reporter.warn(text); })) {
    if (checkpoint->fingerprint != fingerprint) {
      throw UsageError("{}: its checkpoint was made with another network or other data; use another folder",
                       folder.path.string());
    }
    if (checkpoint->backend != field->backend()) {
      reporter.warn(
          fmt::format("the checkpoint was made on '{}', this is '{}': the training goes on, but not "
                      "to the same bits",
                      checkpoint->backend, field->backend()));
    }
    state = std::move(checkpoint->state);
    metrics_bytes = checkpoint->metrics_bytes;
    if (config.train.steps > 0 && state.step > config.train.steps) {
      throw UsageError("{}: its training has done {} steps, more than train.steps = {}; use another folder",
                       folder.path.string(), state.step, config.train.steps);
    }
    reporter.say("training goes on from step {}", state.step);
  } else {
    state = start_training(first_parameters(architecture, config));
  }
  MetricsFile metrics(folder.metrics(), metrics_bytes);

  CouplingOptions coupling_options = config.coupling;
  coupling_options.types = energy->types();
  coupling_options.dim = energy->dim();
  const auto coupling = make_coupling(coupling_options);
  TrainHooks hooks;
  hooks.log = [&](const TrainMetrics& m) { metrics.append(m); };
  hooks.checkpoint = [&](const TrainState& s) {
    write_checkpoint(folder.checkpoints(), {s, fingerprint, metrics.flush_to_disk(), field->backend()});
  };
  hooks.progress = [&](double fraction, const TrainMetrics& m) {
    reporter.progress(fraction, fmt::format("step {}  loss {:.4f}  validation {:.4f}  {:.0f} samples/s",
                                            state.step, m.loss, m.validation_loss, m.samples_per_second));
  };
  hooks.stop = stop;
  reporter.start_progress("training");
  const bool finished =
      train(*field, {data.train, data.validation}, *coupling, config.train, config.seed, pool, state, hooks);
  reporter.end_progress();
  if (!finished) throw Stopped("stopped at step {}; the same command goes on from there", state.step);

  Model model{architecture, state.average, {}};
  RunConfig anywhere = config;  // where it was trained says nothing of where it is used
  anywhere.device = Device::automatic;
  model.metadata["config"] = config_text(anywhere, false);
  if (data.log_z) {
    model.metadata["log_z"] = fmt::format("{}", data.log_z->value);
    model.metadata["log_z_error"] = fmt::format("{}", data.log_z->error);
  }
  model.metadata["training"] = fmt::format("{} steps of {} samples in {}; {} skipped", state.step,
                                           config.train.batch, duration_text(state.seconds), state.skipped);
  write_model(folder.model(), model);
  reporter.say("trained: {}", model.metadata["training"]);
}

}  // namespace equibolt
