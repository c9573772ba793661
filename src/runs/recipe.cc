#include "runs/recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "config/config_table.h"
#include "equibolt/error.h"
#include "runs/shipped_files.h"
#include "system/energy_files.h"

namespace equibolt {
namespace {

/// Keys on which no result depends, or which belong to other commands.
bool is_harmless(const std::string& key) {
  // What is looked at does not change what is simulated.
  if (is_observation(key) || key == "data.validation") return true;
  for (const char* part : {".log_every", ".checkpoint_every", ".producers", ".validation_batches"})
    if (key.ends_with(part)) return true;
  return false;
}

/// The stage that depends on a key of the config; those of the system count for the simulation and, since
/// there may be none, for the training.
bool depends(Stage stage, const std::string& key) {
  if (is_harmless(key)) return false;
  switch (stage) {
    case Stage::simulation:
      return key == "seed" || key.starts_with("system.") || key.starts_with("simulate.");
    case Stage::training:
      return key == "seed" || key.starts_with("system.") || key.starts_with("network.") ||
             key.starts_with("train.");
    case Stage::finetuning:
      return key.starts_with("finetune.");
    case Stage::evaluation:
      return key.starts_with("flow.") || key.starts_with("evaluate.");
  }
  return false;
}

std::string hash_text(std::uint64_t hash) {
  return fmt::format("{:016x}", hash);
}

void add_file(Recipe& recipe, const std::string& key, const std::string& path, bool read) {
  if (path.empty()) return;
  recipe.files[key] = {path, read ? hash_text(hash_of_file(path)) : ""};
}

void add_energy_files(Recipe& recipe, const RunConfig& config, bool read) {
  if (!read) return;
  for (const FileHash& file : files_of(config.system))
    recipe.files[file.key] = {file.path, hash_text(file.hash)};
}

Recipe recipe(Stage stage, const RunConfig& config, bool read) {
  Recipe recipe;
  RunConfig copy = config;  // the table binds to something mutable
  for (const ConfigKey& key : config_table(copy)) {
    if (depends(stage, key.name) && !key.is_path) recipe.keys[key.name] = key.text();
  }
  if (stage == Stage::simulation) {
    add_energy_files(recipe, config, read);
    if (const std::string& name = config.dynamics.surrogate; !name.empty())
      add_file(recipe, "simulate.surrogate", surrogate_path(name).string(), read);
  }
  if (stage == Stage::training) {
    recipe.keys["data"] = config.data.train.empty() ? "the simulation" : "files";
    add_energy_files(recipe, config, read);
    add_file(recipe, "data.train", config.data.train, read);
    add_file(recipe, "network.init_from", config.network.init_from, read);
  }
  if (stage == Stage::evaluation) add_file(recipe, "data.test", config.data.test, read);
  return recipe;
}

std::string text_of(const Recipe::File& file) {
  return fmt::format("{} with the content {}", file.path, file.hash);
}

}  // namespace

std::string_view name_of(Stage stage) {
  constexpr std::array<std::string_view, kStages.size()> names{"simulation", "training", "finetuning",
                                                               "evaluation"};
  return names.at(static_cast<std::size_t>(stage));
}

Stage stage_named(const std::string& name, std::string_view what) {
  for (const Stage stage : kStages) {
    if (name == name_of(stage)) return stage;
  }
  throw UsageError("{} {}: expected simulation, training, finetuning or evaluation", what, name);
}

Recipe recipe_of(Stage stage, const RunConfig& config) {
  return recipe(stage, config, true);
}

Recipe recipe_without_files(Stage stage, const RunConfig& config) {
  return recipe(stage, config, false);
}

std::vector<Difference> differences(const Recipe& before, const Recipe& now) {
  std::vector<Difference> found;
  const auto value = [](const auto& values, const std::string& key) {
    const auto at = values.find(key);
    return at == values.end() ? std::string("(absent)") : at->second;
  };
  std::map<std::string, std::string> all = before.keys;
  all.insert(now.keys.begin(), now.keys.end());
  for (const auto& [key, unused] : all) {
    const std::string there = value(before.keys, key), here = value(now.keys, key);
    if (there != here) found.push_back({key, there, here});
  }
  std::map<std::string, Recipe::File> files = before.files;
  files.insert(now.files.begin(), now.files.end());
  for (const auto& [key, unused] : files) {
    const auto there = before.files.find(key), here = now.files.find(key);
    if (there == before.files.end()) {
      // Runs of earlier versions recorded the energy's files by their path alone.
      if (!key.starts_with("system.")) found.push_back({key, "(none)", text_of(here->second)});
    } else if (here == now.files.end()) {
      found.push_back({key, text_of(there->second), "(none)"});
    } else if (!there->second.hash.empty() && there->second.hash != here->second.hash) {
      found.push_back({key, text_of(there->second), text_of(here->second)});
    }
  }
  return found;
}

std::string text_of(const std::vector<Difference>& differences) {
  std::string text;
  for (const Difference& d : differences)
    text += fmt::format("\n  {}: {} there, {} now", d.key, d.before, d.now);
  return text;
}

bool may_change_under_way(const std::string& key) {
  for (const char* section : {"train.", "finetune."}) {
    for (const char* part :
         {"steps", "minutes", "learning_rate", "schedule", "warmup", "clip", "weight_decay", "ema"})
      if (key.starts_with(std::string(section) + part)) return true;
  }
  return false;
}

nlohmann::ordered_json json_of(const Recipe& recipe) {
  nlohmann::ordered_json files = nlohmann::ordered_json::object();
  for (const auto& [key, file] : recipe.files) files[key] = {{"path", file.path}, {"hash", file.hash}};
  return {{"keys", recipe.keys}, {"files", files}};
}

Recipe recipe_from(const nlohmann::ordered_json& json) {
  Recipe recipe;
  for (const auto& [key, value] : json.at("keys").items()) recipe.keys[key] = value.get<std::string>();
  for (const auto& [key, file] : json.at("files").items())
    recipe.files[key] = {file.at("path").get<std::string>(), file.at("hash").get<std::string>()};
  return recipe;
}

}  // namespace equibolt
