#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runs/recipe.h"
#include "runs/run_folder.h"
#include "runs/run_record.h"

namespace equibolt {

enum class StageState { done, resume, to_do, again };

/// What is to happen to a stage, and the reason.
struct PlannedStage {
  Stage stage;
  StageState state;
  std::string why;  ///< "" where there is nothing to explain
};

/// What the user allows with finished or begun stages whose settings have changed. Neither does anything
/// where nothing has changed, so that the same command resumes.
struct Permissions {
  std::optional<Stage> redo;    ///< from this stage on, results may be made again from the start
  std::optional<Stage> extend;  ///< this stage may go on, and what follows it be made again
};

/// What a call would do with a run's folder, made by looking alone. Nothing is written or removed before it
/// has been accepted, and what would go is moved to the folder `previous/`.
struct RunPlan {
  RunFolder folder;
  std::vector<PlannedStage> stages;              ///< in their order
  std::vector<std::filesystem::path> moved;      ///< results that no longer belong, in the order of moving
  std::vector<std::filesystem::path> copied;     ///< results that stay and go to `previous/` too
  std::vector<std::filesystem::path> left_over;  ///< of finished stages, which need it no longer; is removed
  std::string refusal;                           ///< why it must not be done; empty where it may
  std::vector<std::string> notes;                ///< what the user should know
  std::vector<std::string> warnings;             ///< what casts doubt on the config
  RunRecord record;                              ///< as it will be
  std::string config;                            ///< the text of config.toml as it will be; "" where it stays
  bool finetuning_dropped = false;               ///< the network of flow matching becomes the model again
  bool finetuning_added = false;                 ///< the model becomes the network of flow matching

  StageState state(Stage stage) const;
  /// Whether any stage is not done.
  bool anything_to_do() const;
};

/// Looks at the folder and at every file that the config names. `last` is the last stage that is wanted.
/// Throws UsageError, IoError and DataError for a config that cannot be run at all.
RunPlan plan_run(const RunConfig& config, const RunFolder& folder, const Permissions& permissions = {},
                 Stage last = Stage::evaluation);

/// A line per stage, and what would be moved.
std::string text_of(const RunPlan& plan);

/// A line for each file or folder that is left over.
std::string left_over_text(const RunPlan& plan);

/// Throws UsageError with the refusal of a plan that has one.
void require_accepted(const RunPlan& plan);

/// Moves what the plan moves, removes what is left over, and writes the record and the config. The folder is
/// locked by the caller.
void begin(const RunPlan& plan);

/// Removes what is left over, and warns of what cannot be. The folder is locked by the caller.
void remove_left_over(const RunPlan& plan);

}  // namespace equibolt
