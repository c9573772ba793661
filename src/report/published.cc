#include "report/published.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "config/config_table.h"
#include "core/number_text.h"
#include "system/harmonic.h"

namespace equibolt {
namespace {

using Json = nlohmann::ordered_json;

/// [value, error] or a value.
Estimate estimate_of(const Json& json) {
  if (json.is_array()) return {json.at(0).get<double>(), json.at(1).get<double>()};
  return {json.get<double>(), std::numeric_limits<double>::infinity()};
}

PublishedResult result_of(const Json& json) {
  PublishedResult result{
      json.at("model"), json.at("source"), json.at("evidence"), json.value("remark", ""), {}};
  for (const auto& [name, value] : json.at("values").items()) result.values[name] = estimate_of(value);
  return result;
}

KnownSystem system_of(const Json& json) {
  KnownSystem system{json.at("preset"), {}, {}};
  for (const auto& [name, known] : json.at("values").items())
    system.values[name] = {estimate_of(known.at("value")), known.at("by"), known.at("how")};
  for (const Json& result : json.at("published")) system.published.push_back(result_of(result));
  return system;
}

std::string system_text(RunConfig config) {
  std::string text;
  for (const ConfigKey& key : config_table(config)) {
    if (key.name.starts_with("system.") && !is_observation(key.name))
      text += key.name + " = " + key.text() + '\n';
  }
  return text;
}

KnownSystem known_harmonic(const SystemSpec& system, const HarmonicParameters& harmonic) {
  const auto freedom = static_cast<double>((system.particles - 1) * system.dim);
  return {"",
          {{"log_z",
            {{harmonic_log_z(system.particles, system.dim, harmonic.stiffness), 0},
             "its formula",
             "−(N−1)D/2 · ln k, of two Gaussians"}},
           {"energy_mean", {{freedom / 2, 0}, "its formula", "(N−1)D/2, by equipartition"}}},
          {}};
}

}  // namespace

const std::vector<KnownSystem>& known_systems() {
  static const std::vector<KnownSystem> systems = [] {
    std::vector<KnownSystem> read;
    const Json json = Json::parse(published_json());
    for (const Json& system : json.at("systems")) read.push_back(system_of(system));
    return read;
  }();
  return systems;
}

std::string published_text(const Estimate& estimate, double scale) {
  const auto shortest = [&](double number) { return fmt::format("{:.6g}", number * scale); };
  const std::string value = shortest(estimate.value);
  if (!std::isfinite(estimate.error)) return value;
  const std::string error = shortest(estimate.error);
  const auto decimals = [](const std::string& text) {
    const std::size_t point = text.find('.');
    return point == std::string::npos ? 0 : text.size() - point - 1;
  };
  return fmt::format("{:.{}f} ± {:.{}f}", estimate.value * scale, std::max(decimals(value), decimals(error)),
                     estimate.error * scale, std::max(decimals(value), decimals(error)));
}

std::string known_text(const Estimate& estimate) {
  return estimate.error == 0 ? fmt::format("{:.10g}", estimate.value)
                             : with_error(estimate.value, estimate.error);
}

std::optional<KnownSystem> known_system(const RunConfig& config) {
  if (const auto* harmonic = std::get_if<HarmonicParameters>(&config.system.kind))
    return known_harmonic(config.system, *harmonic);
  const std::string text = system_text(config);
  for (const KnownSystem& known : known_systems()) {
    if (system_text(load_config(known.preset)) == text) return known;
  }
  return std::nullopt;
}

}  // namespace equibolt
