#include "molecules/about_system.h"

#include <fmt/format.h>

#include "config/config_table.h"
#include "system/energy_files.h"

namespace equibolt {

nlohmann::ordered_json about_system(const RunConfig& config) {
  nlohmann::ordered_json about;
  RunConfig copy = config;
  for (const ConfigKey& key : config_table(copy)) {
    if (key.name.starts_with("system.")) about[key.name] = key.text();
  }
  for (const FileHash& file : files_of(config.system)) about[file.key] = fmt::format("{:016x}", file.hash);
  return about;
}

}  // namespace equibolt
