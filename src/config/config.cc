#include "config/config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "config/config_table.h"
#include "config/without_effect.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"

namespace equibolt {
namespace {

/// One value of a config, and where it was set: "file.toml:12" or "--set train.steps=10".
struct Setting {
  std::string key;
  std::string where;
  const toml::node* value;
  std::filesystem::path folder;  ///< that a relative path is meant from
};

void collect(const toml::table& table, const std::string& prefix, const std::string& origin,
             const std::filesystem::path& folder, std::vector<Setting>& settings) {
  for (const auto& [key, node] : table) {
    std::string name = prefix;
    name += key.str();
    if (const toml::table* inner = node.as_table()) {
      collect(*inner, name + ".", origin, folder, settings);
    } else {
      settings.push_back({name, fmt::format("{}:{}", origin, node.source().begin.line), &node, folder});
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

/// The path as an absolute one, so that it means the same file wherever the config is read again. `counts`
/// says that no later setting replaces this one.
std::string absolute_path(const Setting& setting, const std::string& text, bool counts) {
  const std::filesystem::path path = text;
  if (text.empty() || path.is_absolute()) return text;
  const std::filesystem::path meant = (setting.folder / path).lexically_normal();
  if (!counts) return meant.string();
  const std::filesystem::path here = std::filesystem::absolute(path).lexically_normal();
  std::error_code unreadable;
  if (!std::filesystem::exists(meant, unreadable) && std::filesystem::exists(here, unreadable)) {
    throw UsageError(
        "{}: {}: '{}' is relative to the config's folder, and {} does not exist; the current folder has such "
        "a "
        "file: write {}",
        setting.where, setting.key, text, meant.string(), here.string());
  }
  return meant.string();
}

bool take(const ConfigKey& key, const Setting& setting, bool counts) {
  const auto text = setting.value->value_exact<std::string>();
  if (!key.is_path || !text || !key.is_path(*text)) return key.set(*setting.value);
  const toml::value<std::string> path{absolute_path(setting, *text, counts)};
  return key.set(path);
}

/// The keys that are set to something else than their default and have no effect all the same.
void note_without_effect(const RunConfig& config, const std::vector<Setting>& settings,
                         std::vector<std::string>& notes) {
  RunConfig copy = config, plain;
  plain.system = system_kinds()[config.system.kind.index()].second;
  const std::vector<ConfigKey> now = config_table(copy), defaults = config_table(plain);
  std::set<std::string> noted;
  for (const Setting& setting : settings) {
    const std::string why = why_without_effect(setting.key, config);
    if (why.empty() || !noted.insert(setting.key).second) continue;
    for (std::size_t k = 0; k < now.size(); ++k) {
      if (now[k].name == setting.key && now[k].text() != defaults[k].text())
        notes.push_back(fmt::format("{}: {} has no effect: {}", setting.where, setting.key, why));
    }
  }
}

/// A molecule's number of atoms is that of its structure, where the config does not say it.
void count_particles(RunConfig& config, const std::vector<Setting>& settings) {
  const MoleculeOptions* molecule = molecule_options_of(config.system);
  const bool said =
      std::ranges::any_of(settings, [](const Setting& s) { return s.key == "system.particles"; });
  if (molecule != nullptr && !said) config.system.particles = load_molecule(molecule->structure).size();
}

/// What can be seen to fail from the config alone.
void check(const RunConfig& config, const std::string& origin) {
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
  const IntegratorOptions& flow = config.flow;
  if (flow.divergence_probes > 0 && flow.method == Method::dopri5 && flow.divergence_nodes == 0) {
    throw UsageError(
        "{}: flow.divergence_probes = {} with dopri5 needs flow.divergence_nodes: its steps would follow the "
        "noise",
        origin, flow.divergence_probes);
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
    const bool counts = std::none_of(&setting + 1, settings.data() + settings.size(),
                                     [&](const Setting& later) { return later.key == setting.key; });
    if (!take(*known, setting, counts)) {
      throw UsageError("{}: {}: expected {}, found {}", setting.where, setting.key, known->expected,
                       text_of(*setting.value));
    }
  }
}

}  // namespace

RunConfig parse_config(const std::string& text, const std::string& origin,
                       const std::vector<std::string>& overrides, const std::filesystem::path& folder,
                       std::vector<std::string>* notes) {
  std::vector<toml::table> tables;
  try {
    tables.push_back(toml::parse(text));
  } catch (const toml::parse_error& error) {
    throw UsageError("{}:{}: {}", origin, error.source().begin.line, error.description());
  }
  for (const std::string& override_text : overrides) tables.push_back(parse_override(override_text));

  const std::filesystem::path here = std::filesystem::current_path();
  std::vector<Setting> settings;
  collect(tables[0], "", origin, folder.empty() ? here : folder, settings);
  for (std::size_t k = 0; k < overrides.size(); ++k) {
    const std::size_t first = settings.size();
    collect(tables[k + 1], "", "", here, settings);
    for (std::size_t s = first; s < settings.size(); ++s) settings[s].where = "--set " + overrides[k];
  }
  RunConfig config;
  apply_settings(config, settings);
  count_particles(config, settings);
  check(config, origin);
  if (notes != nullptr) note_without_effect(config, settings, *notes);
  return config;
}

RunConfig load_config(const std::string& preset_or_file, const std::vector<std::string>& overrides,
                      std::vector<std::string>* notes) {
  std::error_code unreadable;
  const bool is_file = std::filesystem::is_regular_file(preset_or_file, unreadable);
  for (const std::string& name : preset_names()) {
    if (name != preset_or_file) continue;
    if (is_file && notes != nullptr)
      notes->push_back(
          fmt::format("the preset {0} is taken, not the file of that name: that is ./{0}", name));
    return parse_config(preset_text(name), "preset " + name, overrides, {}, notes);
  }
  if (!std::filesystem::exists(preset_or_file)) {
    throw UsageError("'{}' is neither a file nor a preset; did you mean the preset '{}'? (presets: {})",
                     preset_or_file, nearest_name(preset_or_file, preset_names()),
                     fmt::join(preset_names(), ", "));
  }
  const auto folder = std::filesystem::absolute(preset_or_file).parent_path();
  return parse_config(read_text_file(preset_or_file), preset_or_file, overrides, folder, notes);
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
