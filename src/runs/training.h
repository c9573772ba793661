#pragma once

#include <functional>
#include <vector>

#include "config/config.h"
#include "runs/history.h"
#include "runs/reporter.h"
#include "runs/run_folder.h"
#include "runs/session.h"
#include "runs/target_data.h"

namespace equibolt {

/// Trains the run's network to the end that its config sets, from the newest checkpoint where there is one,
/// and writes metrics.jsonl, checkpoints and the model. Throws Stopped, with a checkpoint written, when
/// `stop` says so.
void train_run(const RunConfig& config, const RunFolder& folder, const TargetData& data,
               const StageClock& clock, const std::function<bool()>& stop, Reporter& reporter);

/// The weights that the training begins with: random ones, or those of network.init_from. Throws DataError
/// where that network has another shape.
std::vector<float> first_parameters(const Architecture& architecture, const RunConfig& config);

}  // namespace equibolt
