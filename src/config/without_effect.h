#pragma once

#include <string>

#include "config/config.h"

namespace equibolt {

/// Why the key has no effect with the other choices of this config, as in "flow.method = \"rk4\" has a fixed
/// step"; empty where it has one.
std::string why_without_effect(const std::string& key, const RunConfig& config);

}  // namespace equibolt
