#pragma once

#include <filesystem>
#include <span>

#include "analyze/umbrella_analysis.h"
#include "config/config.h"
#include "simulate/umbrella.h"

namespace equibolt {

/// What a config says of umbrella sampling. Throws UsageError where its system is no molecule, or its
/// state is not a range of one dihedral.
struct UmbrellaTask {
  Molecule molecule;
  Arc state;  ///< of the dihedral that the windows are along
  UmbrellaOptions options;

  /// Where sampling begins: what the file `frames` holds, or the structure's one configuration where it is
  /// empty.
  Configurations<double> begin(const std::filesystem::path& frames) const;
};
UmbrellaTask umbrella_task(const RunConfig& config);

/// The angles (blocks, W) with what the analysis has to know of the windows; who calls says what the state
/// is.
UmbrellaRecords umbrella_records(const UmbrellaOptions& options, std::span<const double> angles);

}  // namespace equibolt
