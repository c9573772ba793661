#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "analyze/distribution.h"
#include "runs/analysis.h"

namespace equibolt {

// The parts of an analysis as JSON. What is not finite, as an error that is not known, is null.

nlohmann::ordered_json request_json(const AnalysisRequest& request);
nlohmann::ordered_json bins_json(const Bins& bins);
void put_location(nlohmann::ordered_json& json, const Location& location, bool periodic);
void put_distribution(nlohmann::ordered_json& json, const Distribution& distribution);
void put_state(nlohmann::ordered_json& json, const StateEstimate& state);
void put_map(nlohmann::ordered_json& json, const FreeEnergyMap& map);

}  // namespace equibolt
