#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "chemistry/relabel.h"
#include "runs/reporter.h"

namespace equibolt {

/// What to look at, and in what.
struct AnalysisRequest {
  std::vector<std::string> inputs;       ///< see read_analysis_inputs
  std::string config;                    ///< of the system; empty: what each input says
  std::vector<std::string> observables;  ///< see parse_observables; none: those that the config names
  std::vector<std::string> states;       ///< see parse_state; none: system.state
  std::vector<std::pair<std::string, std::string>> maps;  ///< of two observables each
  std::size_t bins = 60;
  std::size_t map_bins = 48;                           ///< on either axis
  MirrorImages mirror_images = MirrorImages::reflect;  ///< of chiral molecules
};

/// The analysis as JSON (docs/file-formats.md): for every set of configurations of every input, and every
/// observable, mean, histogram and free-energy profile with errors; for every state its probability and free
/// energy; for every map F of two observables. Throws UsageError, DataError, IoError, NumericalError.
nlohmann::ordered_json analyse(const AnalysisRequest& request, Reporter& reporter);

}  // namespace equibolt
