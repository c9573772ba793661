#pragma once

#include <toml++/toml.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"

namespace equibolt {

/// One key of the config, bound to its place in a RunConfig.
struct ConfigKey {
  std::string name;  ///< "train.steps"
  std::string help;
  std::string expected;  ///< "an integer ≥ 1", for messages and the reference
  /// Takes the value; false when it is not what `expected` says.
  std::function<bool(const toml::node&)> set;
  /// The present value as TOML.
  std::function<std::string()> text;
  /// Of keys that name a file: whether this text is a path, and not the name of something built in.
  std::function<bool(const std::string&)> is_path;
};

/// Every key that `config` has, in the order of the sections, bound to it. The system's own keys depend on
/// its kind: set that first. This table is the only place that knows the keys: reading, writing, --set, and
/// the reference in docs/config.md come from it.
std::vector<ConfigKey> config_table(RunConfig& config);

/// Whether a key says what is looked at, and so changes no configuration and no energy: system.dihedrals,
/// system.state, system.observables.
bool is_observation(std::string_view key);

/// The kinds of systems by name, each with its default parameters.
const std::vector<std::pair<std::string, SystemSpec>>& system_kinds();

/// The name among `known` with the smallest edit distance to `name`.
std::string nearest_name(std::string_view name, const std::vector<std::string>& known);

}  // namespace equibolt
