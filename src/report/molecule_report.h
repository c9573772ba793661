#pragma once

#include <nlohmann/json.hpp>

#include "config/config.h"
#include "report/figure_page.h"
#include "runs/run_folder.h"

namespace equibolt {

/// The dihedrals of the run's data, where its system names any: series, population of the state. Nothing for
/// other systems.
void put_dihedrals(FigurePage& report, const RunConfig& config, const RunFolder& folder);

/// What umbrella.json tells.
void put_umbrella(FigurePage& report, const nlohmann::ordered_json& umbrella);

}  // namespace equibolt
