#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "core/configurations.h"
#include "workflow/sampling.h"
#include "workflow/session.h"

namespace equibolt {

/// How good a Boltzmann generator is, by name; docs/evaluation.md describes each number. Numbers that cannot
/// be had, those that need test data say, are null.
using Evaluation = nlohmann::ordered_json;

/// From samples of the flow, and from the density of up to evaluate.test_samples of the held-out
/// configurations `test` (n, N, D), which may be empty: `progress` is told of the latter. Throws
/// NumericalError when all samples failed.
Evaluation evaluate(Session& session, const WeightedSamples& samples, ConfigurationsView<const double> test,
                    const ProgressCallback& progress);

/// Held-out data for a session that was opened from `run_or_model`: the file `data`, else what the run's
/// config names, else the run's own simulation; empty where there is none.
Configurations<double> test_data_of(const std::string& run_or_model, const std::string& data,
                                    const Session& session);

/// For people: a line per number.
std::string evaluation_table(const Evaluation& evaluation);

}  // namespace equibolt
