#include "runs/training_stage.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "core/cancel.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "runs/run_folder.h"
#include "train/checkpoint.h"

namespace equibolt {
namespace {

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

}  // namespace

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

std::vector<nlohmann::json> read_metrics(const std::filesystem::path& path) {
  std::vector<nlohmann::json> metrics;
  if (!std::filesystem::exists(path)) return metrics;
  std::istringstream lines(read_text_file(path));
  for (std::string line; std::getline(lines, line);) {
    auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_object()) metrics.push_back(std::move(json));  // the last may be under way
  }
  return metrics;
}

TrainState train_stage(const TrainingStage& stage, VectorField& field, ThreadPool& pool,
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
    std::string note = fmt::format("step {}", state.step);
    if (m.step > 0) {  // the numbers of the last line of metrics
      note += fmt::format("  loss {:.4f}  validation {:.4f}  {} samples/s", m.loss, m.validation_loss,
                          rate_text(m.samples_per_second));
    }
    reporter.progress(fraction, note);
  };
  hooks.stop = stop;
  hooks.checkpoint_requested = checkpoint_requested;
  TrainOptions options = stage.options;
  options.section = stage.section;
  options.checkpoint_seconds = stage.checkpoint_seconds;
  reporter.start_progress(stage.name);
  const std::unique_ptr<Objective> objective = stage.objective(state.step);
  const bool finished = train(field, *objective, options, pool, state, hooks);
  reporter.end_progress();
  if (!finished) {
    throw Stopped("{} stopped at step {}; the same command goes on from there", stage.name, state.step);
  }
  return state;
}

}  // namespace equibolt
