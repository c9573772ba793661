#pragma once

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace equibolt {

/// The stages of a run, each made from those before it.
enum class Stage { simulation, training, finetuning, evaluation };
inline constexpr std::array kStages{Stage::simulation, Stage::training, Stage::finetuning, Stage::evaluation};

/// "simulation", "training", "finetuning", "evaluation".
std::string_view name_of(Stage stage);
/// Throws UsageError, where `what` names the option that has the name.
Stage stage_named(const std::string& name, std::string_view what);

/// All that a result depends on beside the results that it was made from: the values of config keys, as TOML,
/// and the content of files. Where a file lies does not matter.
struct Recipe {
  struct File {
    std::string path;
    std::string hash;  ///< of its content, 16 hexadecimal digits; "" where it was not recorded
  };
  std::map<std::string, std::string> keys;
  std::map<std::string, File> files;  ///< by the key that names them
};

/// What `stage` of a run with this config depends on. Reads the files. Throws UsageError and IoError.
Recipe recipe_of(Stage stage, const RunConfig& config);
/// The same without the files' content: what a run that recorded none says of itself.
Recipe recipe_without_files(Stage stage, const RunConfig& config);

/// A key whose value, or a file whose content, is not what it was.
struct Difference {
  std::string key, before, now;
};
std::vector<Difference> differences(const Recipe& before, const Recipe& now);
/// One indented line for each.
std::string text_of(const std::vector<Difference>& differences);

/// Whether the key steers a training's length or its optimizer, and may change while it is under way.
bool may_change_under_way(const std::string& key);

nlohmann::ordered_json json_of(const Recipe& recipe);
/// Throws nlohmann's exceptions where it is none.
Recipe recipe_from(const nlohmann::ordered_json& json);

}  // namespace equibolt
