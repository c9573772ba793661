#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "analyze/sample_set.h"
#include "analyze/weights.h"
#include "chemistry/relabel.h"
#include "config/config.h"
#include "equibolt/configurations.h"
#include "observables/observable.h"
#include "runs/reporter.h"

namespace equibolt {

/// One way of taking averages over the configurations of an input.
struct AnalysisSet {
  std::string label;  ///< "flow, reweighted"
  SampleSet samples;
  std::size_t failed = 0;          ///< without an energy or a path: of weight zero where there are weights
  std::optional<Estimate> ess;     ///< Kish's fraction, of importance weights
  std::optional<double> pareto_k;  ///< of them
};

/// Configurations that are analysed, or the profile of umbrella sampling.
struct AnalysisInput {
  std::string path;  ///< as it was given
  std::string kind;  ///< "samples", "data", "umbrella sampling"
  ObservedSystem system = {};
  std::optional<RunConfig> config = {};  ///< of the system; none for arrays of which nothing is known
  Configurations<double> x = {};    ///< (B, N, D), of molecules with bonds matched in the structure's order
  std::vector<double> energy = {};  ///< (B,), kT; empty where the file has none
  std::vector<bool> usable = {};    ///< (B,): all coordinates are finite
  std::vector<Identity> identities = {};  ///< (B,), of molecules; empty otherwise
  std::vector<AnalysisSet> sets = {};
  nlohmann::ordered_json umbrella = {};  ///< umbrella.json; null for others
};

/// What can be analysed at `path`: a run's folder (its samples, plain and reweighted, and its data), samples,
/// configurations (.npy, .npz), or a folder of umbrella sampling. `config`, a preset, a file or a run's
/// folder, says what system it is; empty: what the input says of itself, and particles without names where it
/// says nothing. Throws UsageError, IoError, DataError.
std::vector<AnalysisInput> read_analysis_inputs(const std::string& path, const std::string& config,
                                                MirrorImages images, Reporter& reporter);

}  // namespace equibolt
