#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "analyze/umbrella_analysis.h"

namespace equibolt {

/// An analysis as umbrella.json has it (docs/file-formats.md). What is not known, an error among it, is null;
/// `warnings` says why.
nlohmann::ordered_json umbrella_json(const UmbrellaAnalysis& analysis);

/// The free energy of umbrella.json's state in a line, for people.
std::string umbrella_text(const nlohmann::ordered_json& umbrella);

}  // namespace equibolt
