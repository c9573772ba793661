#include "runs/analysis_json.h"

#include "runs/json_numbers.h"

namespace equibolt {
namespace {

using Json = nlohmann::ordered_json;

/// Arrays NAME and NAME_error.
void put_estimates(Json& json, const std::string& name, const std::vector<Estimate>& estimates) {
  Json values = Json::array(), errors = Json::array();
  for (const auto& [value, error] : estimates) {
    values.push_back(number_json(value));
    errors.push_back(number_json(error));
  }
  json[name] = std::move(values);
  json[name + "_error"] = std::move(errors);
}

}  // namespace

Json request_json(const AnalysisRequest& request) {
  Json maps = Json::array();
  for (const auto& [first, second] : request.maps) maps.push_back({first, second});
  return {{"inputs", request.inputs},
          {"config", request.config},
          {"observables", request.observables},
          {"states", request.states},
          {"maps", maps},
          {"bins", request.bins},
          {"map_bins", request.map_bins},
          {"mirror", request.mirror_images == MirrorImages::reflect}};
}

Json bins_json(const Bins& bins) {
  return {{"low", bins.low}, {"high", bins.high}, {"count", bins.count}};
}

void put_location(Json& json, const Location& location, bool periodic) {
  put_estimate(json, "mean", location.mean);
  if (periodic) {
    json["resultant_length"] = number_json(location.resultant_length);
  } else {
    json["standard_deviation"] = number_json(location.standard_deviation);
  }
  json["effective_samples"] = number_json(location.effective);
}

void put_distribution(Json& json, const Distribution& distribution) {
  json["outside"] = number_json(distribution.outside);
  put_estimates(json, "density", distribution.density);
  put_estimates(json, "free_energy", distribution.free_energy);
}

void put_state(Json& json, const StateEstimate& state) {
  put_estimate(json, "population", state.population);
  put_estimate(json, "free_energy", state.free_energy.value_or(Estimate{NAN, NAN}));
  json["effective_inside"] = number_json(state.effective_inside);
  json["effective_outside"] = number_json(state.effective_outside);
  json["doubt"] = state.doubt;
}

void put_map(Json& json, const FreeEnergyMap& map) {
  json["outside"] = number_json(map.outside);
  put_estimates(json, "free_energy", map.free_energy);
}

}  // namespace equibolt
