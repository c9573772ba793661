#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/text_table.h"

namespace equibolt {

// What text and page of a comparison share; `system` is one of its "systems".

/// "dw4, double_well: 4 particles in 2 dimensions".
std::string title_of(const nlohmann::ordered_json& system);

/// A row for each quantity that some group has, a column for each group and for what is known.
TextRows comparison_rows(const nlohmann::ordered_json& system);

/// A row for each published result, with its source, and a column for each of those quantities; the head
/// alone where there are none.
TextRows published_rows(const nlohmann::ordered_json& system);

/// What is known of the system, by the method that it is known by.
std::vector<std::pair<std::string, nlohmann::ordered_json>> known_by(const nlohmann::ordered_json& system);

/// The settings in which groups differ, a row for each; the head alone where there are none.
TextRows settings_rows(const nlohmann::ordered_json& system);

/// Runs that are not evaluated, weights that are not to be trusted, warnings.
std::vector<std::string> comparison_doubts(const nlohmann::ordered_json& system);

}  // namespace equibolt
