#include "runs/shipped_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <set>

#include "config/config.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr const char* kModelEnding = ".safetensors";
constexpr const char* kSurrogateEnding = ".npz";

/// "a, b", or `none` where there are none.
std::string names_in(const std::vector<std::filesystem::path>& folders, const std::string& ending,
                     const std::string& none) {
  std::set<std::string> names;
  for (const auto& folder : folders) {
    std::error_code unreadable;
    for (const auto& entry : std::filesystem::directory_iterator(folder, unreadable)) {
      if (entry.path().extension() == ending) names.insert(entry.path().stem().string());
    }
  }
  return names.empty() ? none : fmt::format("{}", fmt::join(names, ", "));
}

/// NAME.ENDING of the first folder that has it, else an empty path.
std::filesystem::path first_of(const std::vector<std::filesystem::path>& folders, const std::string& file) {
  std::error_code unreadable;  // is reported by whoever reads the file
  for (const auto& folder : folders) {
    if (std::filesystem::exists(folder / file, unreadable)) return folder / file;
  }
  return {};
}

}  // namespace

std::vector<std::filesystem::path> shipped_folders(const std::string& kind) {
  std::error_code none;
  const auto here = std::filesystem::read_symlink("/proc/self/exe", none).parent_path();
  if (none) return {};
  return {here.parent_path() / "share" / "equibolt" / kind, here.parent_path().parent_path() / kind};
}

std::vector<std::filesystem::path> model_folders() {
  if (const char* chosen = std::getenv("EQUIBOLT_MODELS"); chosen != nullptr && *chosen != '\0')
    return {chosen};
  return shipped_folders("models");
}

std::filesystem::path run_or_model_path(const std::string& name,
                                        const std::vector<std::filesystem::path>& folders) {
  const std::filesystem::path path = name;
  std::error_code unreadable;
  if (std::filesystem::exists(path, unreadable) || unreadable || path.has_parent_path() ||
      path.extension() == kModelEnding) {
    return path;
  }
  if (const auto file = first_of(folders, name + kModelEnding); !file.empty()) return file;
  throw IoError("{}: there is no such run or model file; the networks that come with the program are {}",
                name,
                names_in(folders, kModelEnding, "not installed here (set EQUIBOLT_MODELS to their folder)"));
}

std::filesystem::path surrogate_path(const std::string& name,
                                     const std::vector<std::filesystem::path>& folders) {
  if (is_surrogate_path(name)) return name;
  if (const auto file = first_of(folders, name + kSurrogateEnding); !file.empty()) return file;
  throw UsageError("surrogate '{}': expected a path ending in .npz or one that comes with the program: {}",
                   name, names_in(folders, kSurrogateEnding, "none is installed here"));
}

}  // namespace equibolt
