#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace equibolt {

// Texts made from the same tables as --help: they cannot know another program than this one.

/// The man page equibolt(1), in roff.
std::string man_page(const CLI::App& app);

/// A script that completes commands, flags, presets and config keys.
std::string bash_completion(const CLI::App& app);
std::string zsh_completion(const CLI::App& app);

/// docs/config.md.
std::string config_reference();

}  // namespace equibolt
