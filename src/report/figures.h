#pragma once

#include <span>
#include <string>
#include <vector>

#include "report/gnuplot.h"
#include "report/probe.h"
#include "runs/evaluation.h"
#include "transport/transport_cost.h"

namespace equibolt {

// Each makes one figure of the report from numbers; an empty `rows` means that there is nothing to draw.

/// Columns of metrics.jsonl against the step: `keys` with the legend of each; a logarithmic ordinate where
/// they span a decade.
struct Curve {
  std::string key;
  std::string legend;
};
Plot metric_curves(const std::string& name, std::span<const nlohmann::json> metrics,
                   const std::vector<Curve>& curves, const std::string& axis);

/// An evaluation's histogram with its error bars: test data, samples, samples reweighted.
Plot histogram_figure(const std::string& name, const Evaluation& histogram, const std::string& axis);

/// Densities of several sets of values in common bins between their 0.1 and 99.9 percentiles, with errors.
struct ValueSet {
  std::string legend;
  std::vector<double> values;
};
Plot density_figure(const std::string& name, const std::vector<ValueSet>& sets, const std::string& axis);

/// The effective sample size against the number of samples.
Plot ess_figure(const Evaluation& ess_against_n);

/// The particles' ways in their first two coordinates; points of (points, N, D).
Plot path_figure(const Configurations<double>& path);

Plot transport_figure(std::span<const TransportCost> costs);

Plot integration_figure(const IntegrationErrors& errors);

}  // namespace equibolt
