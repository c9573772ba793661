#include "runs/run_record.h"

#include <fmt/format.h>

#include "core/hash.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "runs/format_version.h"

namespace equibolt {
namespace {

constexpr int kFormatVersion = 1;

/// Of a run that has no record, since an earlier version made it.
RunRecord record_of_config(const RunFolder& folder) {
  const std::string text = read_text_file(folder.config());
  const RunConfig config = parse_config(text, folder.config().string());
  RunRecord record;
  record.config_hash = config_hash(text);
  for (const Stage stage : kStages) {
    if (stage == Stage::finetuning && !config.finetunes()) continue;
    record.stages[stage] = recipe_without_files(stage, config);
  }
  return record;
}

bool counts(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  return !(name.starts_with(".") || name == "lost+found" || name == "lock" || name == "lock.owner" ||
           name.ends_with(".log") || name.ends_with(".out") || is_partial_file(path));
}

}  // namespace

std::string config_hash(const std::string& text) {
  return fmt::format("{:016x}", content_hash(std::span<const char>(text)));
}

std::optional<RunRecord> read_record(const RunFolder& folder) {
  if (!std::filesystem::exists(folder.record())) {
    // Without a history nothing was done here: a first call has ended between the config and the record.
    if (kind_of(folder.path) != FolderKind::run || !std::filesystem::exists(folder.config()) ||
        !std::filesystem::exists(folder.history())) {
      return {};
    }
    return record_of_config(folder);
  }
  const nlohmann::ordered_json json = read_json(folder.record());
  try {
    require_version(json.at("format_version").get<std::int64_t>(), kFormatVersion, folder.record().string());
    RunRecord record;
    record.config_hash = json.at("config_hash").get<std::string>();
    for (const auto& [name, recipe] : json.at("stages").items())
      record.stages[stage_named(name, folder.record().string())] = recipe_from(recipe);
    return record;
  } catch (const nlohmann::ordered_json::exception& error) {
    throw DataError("{}: is not the record of a run: {}", folder.record().string(), error.what());
  }
}

void write_record(const RunFolder& folder, const RunRecord& record) {
  nlohmann::ordered_json stages = nlohmann::ordered_json::object();
  for (const auto& [stage, recipe] : record.stages) stages[std::string(name_of(stage))] = json_of(recipe);
  write_json(folder.record(), {{"format_version", kFormatVersion},
                               {"config_hash", record.config_hash},
                               {"stages", std::move(stages)}});
}

FolderKind kind_of(const std::filesystem::path& path) {
  const RunFolder folder{path};
  const auto there = [](const std::filesystem::path& file) {
    std::error_code unreadable;
    return std::filesystem::exists(file, unreadable);
  };
  if (!there(path)) return FolderKind::empty;
  if (!std::filesystem::is_directory(path)) throw IoError("{}: is not a folder", path.string());
  if (there(folder.record())) return FolderKind::run;
  if (there(path / "umbrella") || there(path / "umbrella.json")) return FolderKind::umbrella;
  // Earlier versions left no record, but wrote the config after they had locked the folder.
  if (there(folder.config()) && there(folder.lock())) return FolderKind::run;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (counts(entry.path())) return FolderKind::foreign;
  }
  return FolderKind::empty;
}

void require_kind(const std::filesystem::path& folder, FolderKind kind) {
  const FolderKind found = kind_of(folder);
  if (found == FolderKind::empty || found == kind) return;
  if (found == FolderKind::foreign) {
    std::string names;
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (counts(entry.path()) && ++count <= 3)
        names += (count > 1 ? ", " : "") + entry.path().filename().string();
    }
    throw UsageError(
        "{}: holds {}{} and is no folder of equibolt's: nothing was written. Give a new or empty folder with "
        "-o, for instance {}",
        folder.string(), names, count > 3 ? ", …" : "", (folder / "run").string());
  }
  throw UsageError("{}: is the folder of {}, expected {}: nothing was written. Give another folder with -o",
                   folder.string(), found == FolderKind::run ? "a run" : "umbrella sampling",
                   kind == FolderKind::run ? "a run's" : "one of umbrella sampling");
}

}  // namespace equibolt
