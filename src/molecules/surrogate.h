#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <vector>

#include "config/config.h"
#include "molecules/output_plan.h"
#include "runs/reporter.h"

namespace equibolt {

/// How well a surrogate predicts configurations that it was not fitted to: those of one round.
struct SurrogateRound {
  std::size_t configurations = 0;  ///< fitted to after it, with those of the rounds before
  std::size_t failed = 0;          ///< without an energy, or without a cheap one; not fitted to
  double deviation = 0;            ///< kT: half of what holds 68 % of target − surrogate
  double acceptance = 0;           ///< expected of umbrella sampling: mean over successive configurations
  double least_acceptance = 0;     ///< of all windows
};

/// What make_surrogate would do. Writes nothing; throws as it does.
OutputPlan plan_surrogate(const RunConfig& config, const std::filesystem::path& frames,
                          const std::filesystem::path& output);

/// Makes a surrogate of a molecule's energy: the cheaper energy of another config, config.surrogate.energy,
/// and a correction to it (system/correction.h) fitted to the target's energies and gradients. Each round
/// runs umbrella sampling along the state's dihedral under what there is so far (in the first the cheaper
/// energy alone), asks the target about the configurations met, and fits anew to all of them. Writes `output`
/// after each round; the same call resumes, and more rounds go on. `frames` are configurations to begin from;
/// empty: the structure alone. Where no round is missing, no file is touched. Returns what each round found.
/// Throws UsageError where the output is of another request or another process works on it, and Stopped.
std::vector<SurrogateRound> make_surrogate(const RunConfig& config, const std::filesystem::path& frames,
                                           const std::filesystem::path& output,
                                           const std::function<bool()>& stop, Reporter& reporter);

}  // namespace equibolt
