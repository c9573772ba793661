#include "runs/json_numbers.h"

#include <cmath>

namespace equibolt {

nlohmann::ordered_json number_json(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json number_json(const std::optional<double>& value) {
  return value ? number_json(*value) : nlohmann::ordered_json(nullptr);
}

void put_estimate(nlohmann::ordered_json& json, const std::string& name, const Estimate& estimate) {
  json[name] = number_json(estimate.value);
  json[name + "_error"] = number_json(estimate.error);
}

}  // namespace equibolt
