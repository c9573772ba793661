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

/// Densities of several sets of values in common bins, with errors: between the 0.1 and 99.9 percentiles of
/// each, but no further from its middle half than five times the width of that half, so that a few outliers
/// do not leave the rest a single line.
struct ValueSet {
  std::string legend;
  std::vector<double> values;
};
enum class DensityStyle {
  boxes,  ///< the first filled, the second as steps, others as points, with errors
  lines,  ///< all alike, for many
};
Plot density_figure(const std::string& name, const std::vector<ValueSet>& sets, const std::string& axis,
                    DensityStyle style = DensityStyle::boxes);

/// Lines over one another, each with its own places; NaN leaves a gap.
struct Series {
  std::string legend;
  std::vector<double> x = {}, y = {};
  bool filled = false;
};
struct SeriesAxes {
  std::string x, y;
  bool log_x = false, log_y = false;
  bool from_zero = false;  ///< the ordinate begins at 0
  bool points = false;     ///< marks the places
};
Plot overlaid_figure(const std::string& name, const std::vector<Series>& series, const SeriesAxes& axes);

/// The effective sample size against the number of samples.
Plot ess_figure(const Evaluation& ess_against_n);

/// The particles' paths in their first two coordinates; points of (points, N, D). `unit` (", Å") stands
/// behind the names of lengths, here and below.
Plot path_figure(const Configurations<double>& path, const std::string& unit);

Plot transport_figure(std::span<const TransportCost> costs, const std::string& unit);

Plot integration_figure(const IntegrationErrors& errors, const std::string& unit);

}  // namespace equibolt
