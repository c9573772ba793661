#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "config/config.h"
#include "molecules/output_plan.h"
#include "runs/reporter.h"
#include "runs/run_folder.h"

namespace equibolt {

/// What umbrella_run would do. Writes nothing; throws as it does.
OutputPlan plan_umbrella(const RunConfig& config, const RunFolder& folder,
                         const std::filesystem::path& frames);

/// Umbrella sampling of a config's molecule along the dihedral of its state, into a folder: config.toml,
/// umbrella/block-*.npz (states under way), umbrella.npz (each window's angles in time), umbrella.json (the
/// profile and the state's free energy). The same call resumes; a larger umbrella.steps goes on; where all is
/// done, no file is touched. `frames` are configurations to begin from; empty: the structure alone. Throws
/// UsageError where the folder holds another request's or another process works there, and Stopped.
nlohmann::ordered_json umbrella_run(const RunConfig& config, const RunFolder& folder,
                                    const std::filesystem::path& frames, const std::function<bool()>& stop,
                                    Reporter& reporter);

}  // namespace equibolt
