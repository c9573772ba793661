#include "runs/shipped_models.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <set>

#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr const char* kEnding = ".safetensors";

std::set<std::string> names_in(const std::vector<std::filesystem::path>& folders) {
  std::set<std::string> names;
  for (const auto& folder : folders) {
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
      if (entry.path().extension() == kEnding) names.insert(entry.path().stem().string());
    }
  }
  return names;
}

}  // namespace

std::vector<std::filesystem::path> model_folders() {
  if (const char* chosen = std::getenv("EQUIBOLT_MODELS"); chosen != nullptr && *chosen != '\0')
    return {chosen};
  std::error_code none;
  const auto here = std::filesystem::read_symlink("/proc/self/exe", none).parent_path();
  if (none) return {};
  return {here.parent_path() / "share" / "equibolt" / "models", here.parent_path().parent_path() / "models"};
}

std::filesystem::path run_or_model_path(const std::string& name,
                                        const std::vector<std::filesystem::path>& folders) {
  const std::filesystem::path path = name;
  std::error_code unreadable;  // is reported by whoever reads the file
  if (std::filesystem::exists(path, unreadable) || unreadable || path.has_parent_path() ||
      path.extension() == kEnding) {
    return path;
  }
  for (const auto& folder : folders) {
    const std::filesystem::path file = folder / (name + kEnding);
    if (std::filesystem::exists(file, unreadable)) return file;
  }
  const std::set<std::string> names = names_in(folders);
  throw IoError("{}: there is no such run or model file; the networks that come with the program are {}",
                name,
                names.empty() ? "not installed here (set EQUIBOLT_MODELS to their folder)"
                              : fmt::format("{}", fmt::join(names, ", ")));
}

}  // namespace equibolt
