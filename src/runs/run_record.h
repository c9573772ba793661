#pragma once

#include <map>
#include <optional>
#include <string>

#include "runs/recipe.h"
#include "runs/run_folder.h"

namespace equibolt {

/// What the results in a run's folder were made of: the file run.json.
struct RunRecord {
  std::map<Stage, Recipe> stages;  ///< of the stages that have begun
  std::string config_hash;         ///< of config.toml as it was written; another one was edited by hand
};

/// The record of a run's folder; of one that an earlier version made, what its config.toml says. Nothing
/// where there is no run. Throws DataError for a damaged record and for one of a later version.
std::optional<RunRecord> read_record(const RunFolder& folder);
void write_record(const RunFolder& folder, const RunRecord& record);

/// The hash of a config's text, as a record holds it.
std::string config_hash(const std::string& text);

/// Whether anything in the folder is of a run, of umbrella sampling, or of neither: names that may stand in
/// an empty folder too (hidden files, lost+found, *.log, *.out) do not count.
enum class FolderKind { empty, run, umbrella, foreign };
FolderKind kind_of(const std::filesystem::path& folder);

/// Throws UsageError unless the folder is absent, empty or of this kind.
void require_kind(const std::filesystem::path& folder, FolderKind kind);

}  // namespace equibolt
