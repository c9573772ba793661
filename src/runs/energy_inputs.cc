#include "runs/energy_inputs.h"

#include <fmt/format.h>

#include <map>
#include <sstream>

#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "system/energy_files.h"

namespace equibolt {
namespace {

std::map<std::string, Recipe::File> energy_files(const RunRecord& record) {
  std::map<std::string, Recipe::File> files;
  for (const auto& [stage, recipe] : record.stages) {
    for (const auto& [key, file] : recipe.files) {
      // A built-in file has a name and no path, a program's own energy neither.
      if (key.starts_with("system.") && std::filesystem::path(file.path).is_absolute()) files[key] = file;
    }
  }
  return files;
}

/// inputs/KEY-HASH.ENDING: a file whose content another one has replaced keeps its copy.
std::filesystem::path copy_of(const RunFolder& folder, const std::string& key, const Recipe::File& file) {
  return folder.inputs() / fmt::format("{}-{}{}", key.substr(key.find('.') + 1), file.hash,
                                       std::filesystem::path(file.path).extension().string());
}

std::string hash_text(std::uint64_t hash) {
  return fmt::format("{:016x}", hash);
}

/// Overrides "system.structure=…" that name copies of files that are gone.
std::vector<std::string> file_overrides(const RunFolder& folder) {
  std::vector<std::string> overrides;
  const auto record = read_record(folder);
  if (!record) return overrides;
  for (const auto& [key, file] : energy_files(*record)) {
    const auto copy = std::filesystem::absolute(copy_of(folder, key, file));
    if (!std::filesystem::exists(file.path) && std::filesystem::exists(copy))
      overrides.push_back(fmt::format("{}={}", key, copy.string()));
  }
  return overrides;
}

/// Throws UsageError where a file of the energy has not the content that the run was made with.
void require_recorded_files(const RunFolder& folder, const RunConfig& config) {
  const auto record = read_record(folder);
  if (!record) return;
  const auto recorded = energy_files(*record);
  for (const FileHash& now : files_of(config.system)) {
    const auto before = recorded.find(now.key);
    if (before == recorded.end() || before->second.hash.empty() || before->second.hash == hash_text(now.hash))
      continue;
    throw UsageError(
        "{}: {} names {}, whose content is another one than when the run was made ({} there, {} now). Its "
        "copy is "
        "{}: put it back, or give it with --set {}=",
        folder.path.string(), now.key, now.path, before->second.hash, hash_text(now.hash),
        copy_of(folder, now.key, before->second).string(), now.key);
  }
}

}  // namespace

void keep_energy_files(const RunFolder& folder, const RunRecord& record) {
  for (const auto& [key, file] : energy_files(record)) {
    const auto copy = copy_of(folder, key, file);
    if (file.hash.empty() || std::filesystem::exists(copy)) continue;
    const Bytes content = read_file(file.path);
    create_folder(folder.inputs());
    write_file(copy, content);
  }
}

RunConfig config_of_run(const RunFolder& folder, const std::vector<std::string>& overrides) {
  std::vector<std::string> all = file_overrides(folder);
  all.insert(all.end(), overrides.begin(), overrides.end());
  RunConfig config = parse_config(read_text_file(folder.config()), folder.config().string(), all);
  require_recorded_files(folder, config);
  return config;
}

void require_recorded(const RunFolder& folder, const std::string& key, const std::string& path) {
  const auto record = read_record(folder);
  if (!record) return;
  for (const auto& [stage, recipe] : record->stages) {
    const auto file = recipe.files.find(key);
    if (file == recipe.files.end() || file->second.hash.empty()) continue;
    const std::string now = hash_text(hash_of_file(path));
    if (file->second.hash == now) continue;
    throw UsageError(
        "{}: {} names {}, whose content is another one than when the run was evaluated ({} there, {} now). "
        "To "
        "evaluate on it, give it with --data",
        folder.path.string(), key, path, file->second.hash, now);
  }
}

void require_same_files(const SystemSpec& system, const std::string& recorded, const std::string& origin) {
  std::map<std::string, std::string> before;
  std::istringstream lines(recorded);
  for (std::string key, hash; lines >> key >> hash;) before[key] = hash;
  for (const FileHash& now : files_of(system)) {
    const auto there = before.find(now.key);
    if (there == before.end() || there->second == hash_text(now.hash)) continue;
    throw UsageError(
        "{}: the network is for the content {} of {}, and {} has the content {}. Give the file that it was "
        "trained "
        "for with --set {}=",
        origin, there->second, now.key, now.path, hash_text(now.hash), now.key);
  }
}

}  // namespace equibolt
