#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "equibolt/configurations.h"
#include "equibolt/estimate.h"
#include "runs/held_out.h"
#include "runs/reporter.h"
#include "runs/sampling.h"
#include "runs/session.h"

namespace equibolt {

/// How good a Boltzmann generator is, by name; docs/evaluation.md describes each number. Numbers that cannot
/// be had, those that need test data say, are null; so are errors that the data do not tell, and `warnings`
/// says why.
using Evaluation = nlohmann::ordered_json;

/// What an evaluation is made from, besides samples of the flow.
struct Reference {
  /// Held-out configurations with the flow's density, of which there may be none.
  WeightedSamples test = {};
  std::optional<Estimate> log_z = {};  ///< ln(Z_target/Z_prior) by a simulation
  /// Whether the network has seen the test data. Estimates from both sides need data that it has not.
  HeldOutCheck held_out = {};
};

/// Throws NumericalError when all samples failed. `seed` is that of the bootstrap.
Evaluation evaluate(const WeightedSamples& samples, const Reference& reference, std::uint64_t seed);

/// What an evaluation is made from, files as sampling.h describes them.
struct EvaluationFiles {
  std::filesystem::path samples;         ///< of the flow
  std::filesystem::path test_densities;  ///< held-out configurations
};

/// evaluate() of evaluate.samples samples and of up to evaluate.test_samples of the held-out configurations
/// `test` (n, N, D), of which `held_out` has been found, and with them the metrics and the free energy of the
/// molecule's state. The files are made first, or gone on with; throws as make_samples_file.
Evaluation evaluate_in_files(Session& session, ConfigurationsView<const double> test,
                             const HeldOutCheck& held_out, const EvaluationFiles& files,
                             const std::function<bool()>& stop, Reporter& reporter);

/// Held-out data for a session that was opened from `run_or_model`: the file `data`, else what the run's
/// config names, else the run's own simulation; empty where there is none. Where the file says of which chain
/// each configuration is, one chain follows another.
Configurations<double> test_data_of(const std::string& run_or_model, const std::string& data,
                                    const Session& session);

/// For people: a line per number.
std::string evaluation_table(const Evaluation& evaluation);

}  // namespace equibolt
