#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "runs/analysis.h"
#include "runs/reporter.h"

namespace equibolt {

/// Where an analysis is written to; an empty path is nowhere.
struct AnalysisOutput {
  std::filesystem::path json;     ///< a file
  std::filesystem::path csv;      ///< a folder, with a .csv file per table
  std::filesystem::path figures;  ///< a folder, with index.html and the figures

  /// Throws UsageError where a file or a folder that is not empty is there and is not of an analysis with the
  /// same request. Writes nothing.
  void require_free(const AnalysisRequest& request) const;
  /// Both folders also get analysis.json, by which the same request knows them. Throws IoError, also where
  /// gnuplot is missing.
  void write(const nlohmann::ordered_json& analysis, Reporter& reporter) const;
};

}  // namespace equibolt
