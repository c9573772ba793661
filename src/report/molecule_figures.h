#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "report/gnuplot.h"

namespace equibolt {

/// An angle (n,), rad, against its place in the file; of long series, evenly chosen places.
Plot angle_series(const std::string& name, std::span<const double> angle, const std::string& angle_name);

/// F(φ) of umbrella.json with a band of one standard error.
Plot umbrella_profile(const nlohmann::ordered_json& umbrella);

/// Of umbrella.json: overlap and acceptance of exchanges of each window with the next.
Plot umbrella_overlap(const nlohmann::ordered_json& umbrella);

}  // namespace equibolt
