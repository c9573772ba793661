#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace equibolt {

/// The files of a run. The order is that of the run: each is made from those above it.
struct RunFolder {
  std::filesystem::path path;

  std::filesystem::path lock() const { return path / "lock"; }
  std::filesystem::path history() const { return path / "history.jsonl"; }
  std::filesystem::path config() const { return path / "config.toml"; }
  /// What the results were made of (runs/run_record.h), and results that were made of something else.
  std::filesystem::path record() const { return path / "run.json"; }
  std::filesystem::path previous() const { return path / "previous"; }
  /// Copies of the files that the energy is made of.
  std::filesystem::path inputs() const { return path / "inputs"; }
  std::filesystem::path train_data() const { return path / "data" / "train.npz"; }
  std::filesystem::path validation_data() const { return path / "data" / "validation.npz"; }
  std::filesystem::path test_data() const { return path / "data" / "test.npz"; }
  /// The states of a simulation under way.
  std::filesystem::path simulation_states() const { return path / "simulation"; }
  std::filesystem::path simulation() const { return path / "simulation.json"; }
  std::filesystem::path checkpoints() const { return path / "checkpoints"; }
  std::filesystem::path metrics() const { return path / "metrics.jsonl"; }
  /// The network between flow matching and fine-tuning, and the files of the latter.
  std::filesystem::path flow_matched() const { return path / "flow_matched.safetensors"; }
  std::filesystem::path finetune_checkpoints() const { return path / "finetune_checkpoints"; }
  std::filesystem::path finetune_metrics() const { return path / "finetune_metrics.jsonl"; }
  std::filesystem::path model() const { return path / "model.safetensors"; }
  std::filesystem::path samples() const { return path / "samples.npz"; }
  std::filesystem::path test_densities() const { return path / "test_densities.npz"; }
  std::filesystem::path evaluation() const { return path / "evaluation.json"; }
  std::filesystem::path report() const { return path / "report.html"; }
  /// Of the report, with their data.
  std::filesystem::path figures() const { return path / "figures"; }
};

/// `output`, or runs/NAME for the config NAME.toml or the preset NAME where it is empty.
RunFolder run_folder_for(const std::string& preset_or_file, const std::string& output);

/// Removes what killed writers have left of the run's own files. The run is locked by the caller.
void remove_partial_files(const RunFolder& folder);

/// Removes a file or a folder that is no longer needed. Where that fails it warns; the result that made it
/// superfluous is complete all the same, and the next call tries again.
void remove_left_over(const std::filesystem::path& path);

/// Makes a new folder previous/1, previous/2, … for results that no longer belong. Throws IoError.
std::filesystem::path new_previous(const RunFolder& folder);

/// Creates the folder and those above it. Throws IoError.
void create_folder(const std::filesystem::path& path);

/// Numbers that JSON cannot hold (NaN, ±∞) become null. Throws IoError.
void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& json);
/// Throws IoError or DataError.
nlohmann::ordered_json read_json(const std::filesystem::path& path);

}  // namespace equibolt
