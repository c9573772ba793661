#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "report/figure_page.h"
#include "runs/reporter.h"

namespace equibolt {

/// Results that are written as JSON, as tables and as a page with figures.
struct Document {
  std::string name;                ///< of the kind: "analysis"
  std::string title;               ///< of the page
  nlohmann::ordered_json content;  ///< has what was asked for under "asked"
  std::function<std::vector<std::pair<std::string, std::string>>()> tables;  ///< file names and contents
  std::function<void(FigurePage&)> put;                                      ///< fills the page
};

/// Where a document is written to; an empty path is nowhere.
struct DocumentOutput {
  std::filesystem::path json;     ///< a file
  std::filesystem::path csv;      ///< a folder, with a .csv file per table
  std::filesystem::path figures;  ///< a folder, with index.html and the figures

  /// Throws UsageError where a file or a folder that is not empty is there and is not of a document of this
  /// name with the same `asked`; IoError where figures are wanted and gnuplot is missing. Writes nothing.
  void require_free(const std::string& name, const nlohmann::ordered_json& asked) const;
  /// Both folders also get NAME.json, by which the same request knows them. Throws IoError, and UsageError
  /// where another process writes to them.
  void write(const Document& document, Reporter& reporter) const;
};

}  // namespace equibolt
