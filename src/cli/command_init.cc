#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "config/config.h"
#include "core/log.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"

namespace equibolt {

void add_init(CLI::App& app) {
  struct Options {
    std::string preset;
    std::string output;
  };
  auto* command = app.add_subcommand("init", "Write a preset as a config file with every key and a comment");
  const auto options = std::make_shared<Options>();
  command->add_option("PRESET", options->preset, fmt::format("One of: {}", fmt::join(preset_names(), ", ")))
      ->required();
  command->add_option("-o,--output", options->output, "The file; default: PRESET.toml");
  command->callback([options] {
    const std::string path = options->output.empty() ? options->preset + ".toml" : options->output;
    const std::string text = config_text(load_config(options->preset), true);
    if (std::filesystem::exists(path)) throw UsageError("{}: exists already; choose another with -o", path);
    write_file(path, text);
    log_text("message", fmt::format("wrote {}; change it, then: equibolt run {}", path, path));
  });
}

}  // namespace equibolt
