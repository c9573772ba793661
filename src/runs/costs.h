#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "config/config.h"
#include "runs/recipe.h"
#include "runs/run_folder.h"

namespace equibolt {

/// What a stage has cost.
struct StageCost {
  Stage stage;
  std::optional<double> seconds;  ///< that calls worked on it, without those that were killed
  std::uint64_t energies = 0;     ///< evaluations of U
  std::uint64_t gradients = 0;    ///< of these, with ∇U
};

/// The stages of a run that are done, or have their time noted. Counted is what made the results, as far as
/// the run has got: simulation without the relaxation of its starts, fine-tuning with its validation. Work
/// that was lost when a call was killed, and the few configurations by which data and energies are checked,
/// are not.
std::vector<StageCost> costs_of(const RunConfig& config, const RunFolder& folder);

}  // namespace equibolt
