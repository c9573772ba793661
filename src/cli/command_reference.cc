#include <fmt/format.h>

#include "cli/commands.h"
#include "workflow/config_table.h"

namespace equibolt {
namespace {

void print_key(const ConfigKey& key, const std::string& default_value) {
  fmt::print("| `{}` | {} | `{}` | {} |\n", key.name, key.expected, default_value, key.help);
}

bool is_system_parameter(const ConfigKey& key) {
  return key.name.starts_with("system.") && key.name != "system.kind";
}

}  // namespace

void add_reference(CLI::App& app) {
  auto* command = app.add_subcommand("reference", "Print the reference of all config keys (docs/config.md)");
  command->callback([] {
    fmt::print(
        "# Config keys\n\n"
        "A config is TOML. `equibolt init PRESET` writes one with every key; `--set KEY=VALUE` overrides a "
        "key on the\n"
        "command line. An unknown key is an error. This page is printed by `equibolt reference`.\n\n"
        "| key | expected | default | meaning |\n|---|---|---|---|\n");
    RunConfig config;
    for (const ConfigKey& key : config_table(config)) {
      if (!is_system_parameter(key)) print_key(key, key.text());
    }
    for (const auto& [kind, spec] : system_kinds()) {
      fmt::print("\n## The system `{}`\n\n| key | expected | default | meaning |\n|---|---|---|---|\n", kind);
      config.system = spec;
      for (const ConfigKey& key : config_table(config)) {
        if (is_system_parameter(key)) print_key(key, key.text());
      }
    }
  });
}

}  // namespace equibolt
