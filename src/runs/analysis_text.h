#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace equibolt {

/// What analyse() gave, for people: the sets with their weights' quality and warnings first, then a table for
/// each observable and each state.
std::string analysis_text(const nlohmann::ordered_json& analysis);

/// The same as .csv files: name and content. Observables' histograms and profiles with a row per bin, one
/// file each; means.csv, states.csv; a file per map. Numbers that are not known are empty.
std::vector<std::pair<std::string, std::string>> analysis_tables(const nlohmann::ordered_json& analysis);

/// "r-O-H" of "r/O H": a name that a file may have.
std::string file_name_of(const std::string& observable);

}  // namespace equibolt
