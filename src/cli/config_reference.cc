#include <fmt/format.h>

#include <set>
#include <string>

#include "cli/manual.h"
#include "config/config_table.h"

namespace equibolt {
namespace {

/// Text for a cell of a Markdown table, where a bar would end the cell.
std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? "\\|" : std::string(1, c);
  return escaped;
}

std::string row(const ConfigKey& key, const std::string& default_value) {
  return fmt::format("| `{}` | {} | `{}` | {} |\n", key.name, cell(key.expected), cell(default_value),
                     cell(key.help));
}

bool is_system_parameter(const ConfigKey& key) {
  return key.name.starts_with("system.") && key.name != "system.kind";
}

}  // namespace

std::string config_reference() {
  std::string text =
      "# Config keys\n\n"
      "A config is TOML. `equibolt init PRESET` writes one with every key; `--set KEY=VALUE` overrides a "
      "key on the\n"
      "command line. An unknown key is an error. This page is printed by `equibolt reference config`.\n\n"
      "| key | expected | default | meaning |\n|---|---|---|---|\n";
  RunConfig config;
  std::set<std::string> common;
  for (const ConfigKey& key : config_table(config)) {
    if (is_system_parameter(key)) continue;
    text += row(key, key.text());
    common.insert(key.name);
  }
  for (const auto& [kind, spec] : system_kinds()) {
    text += fmt::format("\n## The system `{}`\n\n| key | expected | default | meaning |\n|---|---|---|---|\n",
                        kind);
    config.system = spec;
    for (const ConfigKey& key : config_table(config)) {
      if (is_system_parameter(key)) text += row(key, key.text());
    }
  }
  text +=
      "\n## Molecules\n\nKeys of the systems `openmm` and `xtb` alone.\n\n"
      "| key | expected | default | meaning |\n|---|---|---|---|\n";
  for (const auto& [kind, spec] : system_kinds()) {
    config.system = spec;
    for (const ConfigKey& key : config_table(config)) {
      const bool known =
          is_system_parameter(key) || key.name == "system.kind" || !common.insert(key.name).second;
      if (!known) text += row(key, key.text());
    }
  }
  return text;
}

}  // namespace equibolt
