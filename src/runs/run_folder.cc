#include "runs/run_folder.h"

#include "core/log.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"

namespace equibolt {

RunFolder run_folder_for(const std::string& preset_or_file, const std::string& output) {
  if (!output.empty()) return {output};
  return {std::filesystem::path("runs") / std::filesystem::path(preset_or_file).stem()};
}

void remove_partial_files(const RunFolder& folder) {
  for (const auto& file : {folder.config(), folder.record(), folder.train_data(), folder.validation_data(),
                           folder.test_data(), folder.simulation(), folder.flow_matched(), folder.model(),
                           folder.samples(), folder.test_densities(), folder.evaluation()}) {
    remove_partial_files_of(file);
  }
  for (const auto& states : {folder.simulation_states(), folder.checkpoints(), folder.finetune_checkpoints()})
    remove_partial_files_in(states);
}

void remove_left_over(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (!error) return;
  log_text("warning", fmt::format("{}: is no longer needed and cannot be removed: {}; the same command tries "
                                  "it again",
                                  path.string(), error.message()));
}

std::filesystem::path new_previous(const RunFolder& folder) {
  for (int number = 1;; ++number) {
    std::filesystem::path path = folder.previous() / fmt::format("{}", number);
    if (std::filesystem::exists(std::filesystem::symlink_status(path))) continue;
    create_folder(path);
    return path;
  }
}

void create_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw IoError("{}: cannot create the folder: {}", path.string(), error.message());
}

void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& json) {
  write_file(path, json.dump(1) + "\n");
}

nlohmann::ordered_json read_json(const std::filesystem::path& path) {
  const std::string text = read_text_file(path);
  try {
    return nlohmann::ordered_json::parse(text);
  } catch (const nlohmann::ordered_json::parse_error& error) {
    throw DataError("{}: not JSON: {}", path.string(), error.what());
  }
}

}  // namespace equibolt
