#pragma once

#include <functional>

#include "workflow/config.h"
#include "workflow/reporter.h"
#include "workflow/run_folder.h"
#include "workflow/session.h"
#include "workflow/target_data.h"

namespace equibolt {

/// Trains the run's network to the end that its config sets, from the newest checkpoint where there is one,
/// and writes metrics.jsonl, checkpoints and the model. Throws Stopped, with a checkpoint written, when
/// `stop` says so.
void train_run(const RunConfig& config, const RunFolder& folder, const TargetData& data,
               const std::function<bool()>& stop, Reporter& reporter);

}  // namespace equibolt
