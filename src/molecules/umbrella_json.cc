#include "molecules/umbrella_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "runs/json_numbers.h"

namespace equibolt {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

Json umbrella_json(const UmbrellaAnalysis& analysis) {
  Json json{{"free_energy",
             {{"value", analysis.free_energy ? number_json(analysis.free_energy->value) : Json(nullptr)},
              {"error", analysis.free_energy ? number_json(analysis.free_energy->error) : Json(nullptr)},
              {"by_mbar", number_json(analysis.by_mbar)},
              {"first_half", number_json(analysis.first_half)},
              {"second_half", number_json(analysis.second_half)},
              {"halves_apart", number_json(analysis.halves_apart)},
              {"wham_converged", analysis.wham_converged},
              {"mbar_converged", analysis.mbar_converged}}},
            {"warnings", Json::array()},
            {"blocks", analysis.blocks},
            {"least_overlap", number_json(std::ranges::min(analysis.overlap))},
            {"overlap", analysis.overlap},
            {"autocorrelation_time", analysis.autocorrelation_time}};
  if (!analysis.doubts.empty()) {
    json["warnings"].push_back(
        fmt::format("no error bar for the free energy: {}", fmt::join(analysis.doubts, "; ")));
  }
  for (const std::string& warning : analysis.warnings) json["warnings"].push_back(warning);
  Json rows = Json::array();
  for (const UmbrellaAnalysis::ProfilePoint& point : analysis.profile) {
    rows.push_back({point.angle, number_json(point.free_energy.value), number_json(point.free_energy.error)});
  }
  json["profile"] = {{"columns", {"angle", "free_energy", "error"}}, {"rows", rows}};
  return json;
}

std::string umbrella_text(const Json& umbrella) {
  const Json& f = umbrella.at("free_energy");
  const auto shown = [](const Json& value) {
    return value.is_number() ? fmt::format("{:.3f}", value.get<double>()) : std::string("-");
  };
  std::string value = "not known";
  if (f.at("value").is_number()) {
    value = shown(f["value"]) + (f.at("error").is_number() ? fmt::format(" ± {} kT", shown(f["error"]))
                                                           : " kT, without an error bar");
  }
  return fmt::format("free energy of {}: {} (MBAR {}); overlap of neighbours at least {}",
                     umbrella.at("state").get<std::string>(), value, shown(f.at("by_mbar")),
                     shown(umbrella.at("least_overlap")));
}

}  // namespace equibolt
