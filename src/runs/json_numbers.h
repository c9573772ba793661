#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "analyze/estimate.h"

namespace equibolt {

/// The number, or null where JSON cannot hold it: an error that is not known is infinite.
nlohmann::ordered_json number_json(double value);
nlohmann::ordered_json number_json(const std::optional<double>& value);
/// NAME and NAME_error.
void put_estimate(nlohmann::ordered_json& json, const std::string& name, const Estimate& estimate);

}  // namespace equibolt
