#include "molecules/umbrella_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace equibolt {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json number(const std::optional<double>& value) {
  return value ? number(*value) : Json(nullptr);
}

}  // namespace

Json umbrella_json(const UmbrellaAnalysis& analysis) {
  Json json{{"free_energy",
             {{"value", analysis.free_energy ? number(analysis.free_energy->value) : Json(nullptr)},
              {"error", analysis.free_energy ? number(analysis.free_energy->error) : Json(nullptr)},
              {"by_mbar", number(analysis.by_mbar)},
              {"first_half", number(analysis.first_half)},
              {"second_half", number(analysis.second_half)},
              {"halves_apart", number(analysis.halves_apart)},
              {"wham_converged", analysis.wham_converged},
              {"mbar_converged", analysis.mbar_converged}}},
            {"warnings", Json::array()},
            {"blocks", analysis.blocks},
            {"least_overlap", number(std::ranges::min(analysis.overlap))},
            {"overlap", analysis.overlap},
            {"autocorrelation_time", analysis.autocorrelation_time}};
  if (!analysis.doubts.empty()) {
    json["warnings"].push_back(
        fmt::format("no error bar for the free energy: {}", fmt::join(analysis.doubts, "; ")));
  }
  for (const std::string& warning : analysis.warnings) json["warnings"].push_back(warning);
  Json rows = Json::array();
  for (const UmbrellaAnalysis::ProfilePoint& point : analysis.profile) {
    rows.push_back({point.angle, number(point.free_energy.value), number(point.free_energy.error)});
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
