#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "runs/run_folder.h"
#include "runs/run_record.h"

namespace equibolt {

// The files that a run's energy is made of: their content is part of the run, which keeps copies of them.

/// Copies the energy's files that the record names into the run's folder inputs/.
void keep_energy_files(const RunFolder& folder, const RunRecord& record);

/// Overrides "system.structure=…" that name the run's own copies of files that are gone from their place.
std::vector<std::string> file_overrides(const RunFolder& folder);

/// Throws UsageError where a file of the config's energy has not the content that the run was made with.
void require_recorded_files(const RunFolder& folder, const RunConfig& config);

/// The same for a model's metadata: `recorded` is what text_of (system/energy_files.h) gave.
void require_same_files(const SystemSpec& system, const std::string& recorded, const std::string& origin);

}  // namespace equibolt
