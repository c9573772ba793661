#pragma once

#include <string>

#include "config/config.h"
#include "runs/run_folder.h"

namespace equibolt {

/// What `run` would do with this config and folder, and about how long and in how much memory it would do it
/// on this machine: each stage that is still to be done is tried for a few seconds, in memory alone. Throws
/// as run for data that it cannot use.
std::string dry_run(const RunConfig& config, const RunFolder& folder);

}  // namespace equibolt
