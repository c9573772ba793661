#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <span>

#include "analyze/umbrella_analysis.h"
#include "config/config.h"
#include "runs/reporter.h"
#include "runs/run_folder.h"
#include "simulate/umbrella.h"

namespace equibolt {

/// What a config says of umbrella sampling. Throws UsageError where its system is no molecule, or names no
/// state.
struct UmbrellaTask {
  Molecule molecule;
  DihedralState state;
  UmbrellaOptions options;

  /// Where sampling begins: what the file `frames` holds, or the structure's one configuration where it is
  /// empty.
  Configurations<double> begin(const std::filesystem::path& frames) const;
};
UmbrellaTask umbrella_task(const RunConfig& config);

/// Umbrella sampling of a config's molecule along the dihedral of its state, into a folder: config.toml,
/// umbrella/block-*.npz (states under way), umbrella.npz (each window's angles in time), umbrella.json (the
/// profile and the state's free energy). The same call resumes; a larger umbrella.steps goes on. `frames` are
/// configurations to begin from; empty: the structure alone.
nlohmann::ordered_json umbrella_run(const RunConfig& config, const RunFolder& folder,
                                    const std::filesystem::path& frames, const std::function<bool()>& stop,
                                    Reporter& reporter);

/// The angles (blocks, W) with what the analysis has to know of the windows; who calls says what the state
/// is.
UmbrellaRecords umbrella_records(const UmbrellaOptions& options, std::span<const double> angles);

}  // namespace equibolt
