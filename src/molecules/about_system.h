#pragma once

#include <nlohmann/json.hpp>

#include "config/config.h"

namespace equibolt {

/// All that a config's energy depends on: the keys of `system`, and of each file that one of them names the
/// hash of its content instead of its path (system/energy_files.h). What is stored beside results computed
/// with the energy, to be compared before more is added to them.
nlohmann::ordered_json about_system(const RunConfig& config);

}  // namespace equibolt
