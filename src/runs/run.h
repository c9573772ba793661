#pragma once

#include <functional>

#include "config/config.h"
#include "runs/evaluation.h"
#include "runs/plan.h"
#include "runs/reporter.h"
#include "runs/run_folder.h"

namespace equibolt {

/// From a target energy to reweighted samples: the main path. Makes a plan (runs/plan.h) and carries it out.
/// Each stage leaves its result in the folder and is left out when it is there already, so that the same call
/// resumes. Throws UsageError before anything is written where the plan is refused, and Stopped when `stop`
/// says so.
Evaluation run(const RunConfig& config, const RunFolder& folder, const Permissions& permissions,
               const std::function<bool()>& stop, Reporter& reporter);

/// The first stage alone: leaves the data and simulation.json in the folder.
void simulate_run(const RunConfig& config, const RunFolder& folder, const Permissions& permissions,
                  const std::function<bool()>& stop, Reporter& reporter);

}  // namespace equibolt
