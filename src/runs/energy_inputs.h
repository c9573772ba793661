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

/// The config in the run's folder, with the run's own copies of files that are gone from their place. Throws
/// UsageError where a file of the energy has not the content that the run was made with.
RunConfig config_of_run(const RunFolder& folder, const std::vector<std::string>& overrides = {});

/// Throws UsageError where the run recorded another content for the file that `key` names, as data.test.
void require_recorded(const RunFolder& folder, const std::string& key, const std::string& path);

/// The same for a model's metadata: `recorded` is what text_of (system/energy_files.h) gave.
void require_same_files(const SystemSpec& system, const std::string& recorded, const std::string& origin);

}  // namespace equibolt
