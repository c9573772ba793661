#pragma once

#include <functional>
#include <optional>

#include "analyze/estimate.h"
#include "config/config.h"
#include "equibolt/configurations.h"
#include "runs/history.h"
#include "runs/reporter.h"
#include "runs/run_folder.h"

namespace equibolt {

/// Configurations of the target, mean-free, split so that no simulated chain is in two sets.
struct TargetData {
  Configurations<float> train;       ///< (n, N, D)
  Configurations<float> validation;  ///< for the loss during training; may be empty
  Configurations<float> test;        ///< for evaluation; may be empty
  std::optional<Estimate> log_z;     ///< ln(Z_target/Z_prior), where a simulation has determined it
};

/// The run's data: from the files that the config names, else from the run folder, else simulated and then
/// written there with simulation.json. Throws Stopped, with the
/// simulation's state written, when `stop` says so.
TargetData obtain_data(const RunConfig& config, const RunFolder& folder, const StageClock& clock,
                       const std::function<bool()>& stop, Reporter& reporter);

}  // namespace equibolt
