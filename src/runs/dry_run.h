#pragma once

#include <string>

#include "config/config.h"
#include "runs/plan.h"

namespace equibolt {

/// The plan, and about how long and in how much memory this machine would carry it out: each stage that is
/// still to be done is tried for a few seconds, in memory alone.
std::string dry_run(const RunConfig& config, const RunPlan& plan);

}  // namespace equibolt
