#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "report/figure_page.h"
#include "runs/reporter.h"

namespace equibolt {

/// One row of a comparison.
struct ComparedQuantity {
  const char* name;   ///< in the comparison's JSON; "energy_w2_reweighted"
  const char* where;  ///< in evaluation.json, as a JSON pointer; nullptr: a cost
  const char* title;  ///< as people read it
  double scale = 1;   ///< from JSON to `title`'s unit
};
std::span<const ComparedQuantity> compared_quantities();

/// Runs side by side, as JSON (docs/file-formats.md): by system, runs whose configs differ in nothing but the
/// seed as one group with mean and deviation, the settings in which groups differ, what is known of the
/// system and what others have published. `paths` are folders of runs. Throws UsageError, IoError and
/// DataError.
nlohmann::ordered_json compare_runs(const std::vector<std::string>& paths);

/// What identifies a comparison: the paths as they were given.
nlohmann::ordered_json comparison_request(const std::vector<std::string>& paths);

/// For people: a table for each system, then the settings, the warnings and the sources.
std::string comparison_text(const nlohmann::ordered_json& comparison);

/// The same as .csv files: name and content.
std::vector<std::pair<std::string, std::string>> comparison_tables(const nlohmann::ordered_json& comparison);

/// Puts it onto a page, with overlaid figures of each group's first run that has been evaluated. Integration
/// errors are computed with the networks, which takes some ten seconds for each.
void put_comparison(FigurePage& page, const nlohmann::ordered_json& comparison, Reporter& reporter);

}  // namespace equibolt
