#pragma once

#include "config/config.h"
#include "runs/plan.h"

namespace equibolt {

/// Looks for what would make a stage of the plan fail after others have taken their time: the network to
/// begin with, held-out data, the names of dihedrals, the device. Adds doubts to
/// the plan's warnings. Throws UsageError, DataError and IoError.
void check_run(const RunConfig& config, RunPlan& plan);

}  // namespace equibolt
