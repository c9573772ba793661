#pragma once

#include <functional>

#include "config/config.h"
#include "runs/evaluation.h"
#include "runs/reporter.h"
#include "runs/run_folder.h"

namespace equibolt {

/// From a target energy to reweighted samples: the main path. Each stage leaves its result in the folder and
/// is left out when it is there already, so that the same call resumes. Throws Stopped when `stop` says so.
Evaluation run(const RunConfig& config, const RunFolder& folder, const std::function<bool()>& stop,
               Reporter& reporter);

/// The first stage alone: leaves the data and simulation.json in the folder.
void simulate_run(const RunConfig& config, const RunFolder& folder, const std::function<bool()>& stop,
                  Reporter& reporter);

}  // namespace equibolt
