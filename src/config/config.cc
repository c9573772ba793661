#include "config/config.h"

#include <toml++/toml.h>

#include <filesystem>
#include <optional>

#include "config/config_table.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"

namespace equibolt {
namespace {

/// One value of a config, and where it was set: "file.toml:12" or "--set train.steps=10".
struct Setting {
  std::string key;
  std::string where;
  const toml::node* value;
};

void collect(const toml::table& table, const std::string& prefix, const std::string& origin,
             std::vector<Setting>& settings) {
  for (const auto& [key, node] : table) {
    std::string name = prefix;
    name += key.str();
    if (const toml::table* inner = node.as_table()) {
      collect(*inner, name + ".", origin, settings);
    } else {
      settings.push_back({name, fmt::format("{}:{}", origin, node.source().begin.line), &node});
    }
  }
}

std::string text_of(const toml::node& node) {
  std::ostringstream out;
  node.visit([&](const auto& value) { out << value; });
  return out.str();
}

/// "train.coupling=ot" as a table; the value is TOML, or a bare word that stands for a string.
toml::table parse_override(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UsageError("--set {}: expected KEY=VALUE, as in train.steps=1000", text);
  }
  const std::string key = text.substr(0, equals), value = text.substr(equals + 1);
  for (const std::string& candidate : {value, '"' + value + '"'}) {
    try {
      return toml::parse(key + " = " + candidate);
    } catch (const toml::parse_error&) {  // the next form, or the message below
    }
  }
  throw UsageError("--set {}: '{}' is not a TOML value", text, value);
}

void choose_system(RunConfig& config, const std::vector<Setting>& settings) {
  for (const Setting& setting : settings) {
    if (setting.key != "system.kind") continue;
    const auto name = setting.value->value_exact<std::string>();
    std::vector<std::string> known;
    bool found = false;
    for (const auto& [kind, spec] : system_kinds()) {
      known.push_back(kind);
      if (name != kind) continue;
      config.system = spec;
      found = true;
    }
    if (!found) {
      throw UsageError("{}: system.kind: expected one of {}, found {}", setting.where, fmt::join(known, ", "),
                       text_of(*setting.value));
    }
  }
}

void apply_settings(RunConfig& config, const std::vector<Setting>& settings) {
  choose_system(config, settings);
  const std::vector<ConfigKey> table = config_table(config);
  for (const Setting& setting : settings) {
    const ConfigKey* known = nullptr;
    std::vector<std::string> names;
    for (const ConfigKey& key : table) {
      names.push_back(key.name);
      if (key.name == setting.key) known = &key;
    }
    if (known == nullptr) {
      throw UsageError("{}: unknown key '{}'; did you mean '{}'?", setting.where, setting.key,
                       nearest_name(setting.key, names));
    }
    // A later setting of the kind has won already.
    if (setting.key == "system.kind") continue;
    if (!known->set(*setting.value)) {
      throw UsageError("{}: {}: expected {}, found {}", setting.where, setting.key, known->expected,
                       text_of(*setting.value));
    }
  }
}

}  // namespace

RunConfig parse_config(const std::string& text, const std::string& origin,
                       const std::vector<std::string>& overrides) {
  std::vector<toml::table> tables;
  try {
    tables.push_back(toml::parse(text));
  } catch (const toml::parse_error& error) {
    throw UsageError("{}:{}: {}", origin, error.source().begin.line, error.description());
  }
  for (const std::string& override_text : overrides) tables.push_back(parse_override(override_text));

  std::vector<Setting> settings;
  collect(tables[0], "", origin, settings);
  for (std::size_t k = 0; k < overrides.size(); ++k) {
    const std::size_t first = settings.size();
    collect(tables[k + 1], "", "", settings);
    for (std::size_t s = first; s < settings.size(); ++s) settings[s].where = "--set " + overrides[k];
  }
  RunConfig config;
  apply_settings(config, settings);
  const bool continues = !config.network.init_from.empty() && config.finetunes();
  if (config.train.steps == 0 && config.train.minutes == 0 && !continues) {
    throw UsageError(
        "{}: training has no end: set train.steps or train.minutes (or none, with network.init_from and "
        "finetune.steps: then that network is fine-tuned as it is)",
        origin);
  }
  for (const auto& [section, options] : {std::pair{"train", &config.train}, {"finetune", &config.finetune}}) {
    if (options->rate.schedule == Schedule::step && !(options->rate.final > 0)) {
      throw UsageError("{0}: {1}.schedule = \"step\" needs {1}.learning_rate_final > 0 for its second half",
                       origin, section);
    }
  }
  if (config.data.train.empty() && config.simulate.samples < 8 * config.simulate.chains) {
    throw UsageError("{}: simulate.samples is {}, expected at least 8 for each of the {} chains", origin,
                     config.simulate.samples, config.simulate.chains);
  }
  return config;
}

RunConfig load_config(const std::string& preset_or_file, const std::vector<std::string>& overrides) {
  for (const std::string& name : preset_names()) {
    if (name == preset_or_file) return parse_config(preset_text(name), "preset " + name, overrides);
  }
  if (!std::filesystem::exists(preset_or_file)) {
    throw UsageError("'{}' is neither a file nor a preset; did you mean the preset '{}'? (presets: {})",
                     preset_or_file, nearest_name(preset_or_file, preset_names()),
                     fmt::join(preset_names(), ", "));
  }
  return parse_config(read_text_file(preset_or_file), preset_or_file, overrides);
}

std::string config_text(const RunConfig& config, bool commented) {
  RunConfig copy = config;  // the table binds to something mutable
  std::string text, section;
  for (const ConfigKey& key : config_table(copy)) {
    const auto dot = key.name.find('.');
    const std::string own_section = dot == std::string::npos ? "" : key.name.substr(0, dot);
    if (own_section != section) {
      text += fmt::format("\n[{}]\n", own_section);
      section = own_section;
    }
    const std::string name = dot == std::string::npos ? key.name : key.name.substr(dot + 1);
    const std::string line = fmt::format("{} = {}", name, key.text());
    text += commented && !key.help.empty() ? fmt::format("{:<30}  # {}\n", line, key.help) : line + "\n";
  }
  return text;
}

}  // namespace equibolt
