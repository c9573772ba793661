#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/threads.h"
#include "egnn/vector_field.h"
#include "runs/reporter.h"
#include "train/objective.h"
#include "train/trainer.h"

namespace equibolt {

/// One of the trainings that a run consists of.
struct TrainingStage {
  const char* name;     ///< as the user reads it
  const char* section;  ///< of the config
  const TrainOptions& options;
  double checkpoint_seconds;          ///< between checkpoints
  std::filesystem::path checkpoints;  ///< a folder
  std::filesystem::path metrics;      ///< a file of lines of JSON
  std::uint64_t fingerprint;          ///< of what must not change under way
  std::function<std::vector<float>()> first_parameters;
  std::function<std::unique_ptr<Objective>(std::size_t first_step)> objective;
  std::function<nlohmann::ordered_json(const TrainMetrics&)> line;  ///< of metrics, see metrics_line
};

/// Trains from the newest checkpoint on, or from the start, to the end. Throws Stopped where `stop` says so,
/// with a checkpoint, and UsageError where the checkpoint that is there is another training's.
TrainState train_stage(const TrainingStage& stage, VectorField& field, ThreadPool& pool,
                       const std::function<bool()>& stop, Reporter& reporter);

/// A number as JSON; null where JSON has none for it.
nlohmann::ordered_json number_or_null(double value);

/// What every training tells of its progress.
nlohmann::ordered_json metrics_line(const TrainMetrics& metrics);

/// The lines of a training's metrics; none where there is no such file. Throws IoError.
std::vector<nlohmann::json> read_metrics(const std::filesystem::path& path);

}  // namespace equibolt
