#include "report/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

namespace equibolt {
namespace {

double number_or_nan(const nlohmann::json& value) {
  return value.is_number() ? value.get<double>() : NAN;
}

std::string axes(const std::string& x, const std::string& y) {
  return fmt::format("set xlabel \"{}\"\nset ylabel \"{}\"\n", x, y);
}

std::string error_bars(std::size_t column, std::size_t line_type) {
  return fmt::format(", DATA using 1:{}:{} with yerrorbars lt {} lw 1 pt 7 ps 0 notitle", column, column + 1,
                     line_type);
}

bool any_number(const nlohmann::ordered_json& values) {
  return std::any_of(values.begin(), values.end(), [](const auto& value) { return value.is_number(); });
}

/// One histogram of a figure, its values in `column` and their errors in the next: the first filled, the
/// second as steps, others as points, with error bars where any error is known.
std::string histogram_of(std::size_t set, double bin_width, const std::string& legend, bool errors = true) {
  const std::size_t column = 2 * set + 2;
  if (set == 0)
    return fmt::format("DATA using 1:{} with boxes lt 1 fs solid 0.25 noborder title {} noenhanced", column,
                       gnuplot_text(legend));
  if (set == 1) {
    return fmt::format(", DATA using ($1-{}):{} with steps lt 2 title {} noenhanced", bin_width / 2, column,
                       gnuplot_text(legend));
  }
  const auto points = fmt::format(", DATA using 1:{} with points lt {} pt 7 ps 0.35 title {} noenhanced",
                                  column, set + 1, gnuplot_text(legend));
  return errors ? points + error_bars(column, set + 1) : points;
}

/// The ends of the axis for such values.
std::pair<double, double> bulk_of(std::span<const double> sorted) {
  const std::size_t last = sorted.size() - 1, tail = sorted.size() / 1000;
  const double below = sorted[last / 4], above = sorted[last - last / 4], width = above - below;
  std::pair<double, double> ends{sorted[tail], sorted[last - tail]};
  if (width > 0) ends = {std::max(ends.first, below - 5 * width), std::min(ends.second, above + 5 * width)};
  return ends;
}

}  // namespace

Plot metric_curves(const std::string& name, std::span<const nlohmann::json> metrics,
                   const std::vector<Curve>& curves, const std::string& axis) {
  Plot plot{name, {"step"}, {}, axes("step", axis)};
  std::string plots = "plot ";
  for (std::size_t k = 0; k < curves.size(); ++k) {
    plot.columns.push_back(curves[k].key);
    plots += fmt::format("{}DATA using 1:{} with lines lt {} title \"{}\"", k > 0 ? ", " : "", k + 2, k + 1,
                         curves[k].legend);
  }
  double low = INFINITY, high = -INFINITY;
  for (const nlohmann::json& line : metrics) {
    std::vector<double> row{number_or_nan(line.value("step", nlohmann::json()))};
    for (const Curve& curve : curves) {
      row.push_back(number_or_nan(line.value(curve.key, nlohmann::json())));
      low = std::fmin(low, row.back());
      high = std::fmax(high, row.back());
    }
    plot.rows.push_back(row);
  }
  if (low > 0 && high > 10 * low) plot.commands += "set logscale y\nset format y \"10^{%T}\"\n";
  plot.commands += plots;
  return plot;
}

Plot histogram_figure(const std::string& name, const Evaluation& histogram, const std::string& axis) {
  Plot plot{name,
            {"centre", "test", "error", "samples", "error", "reweighted", "error"},
            {},
            axes(axis, "density")};
  const double low = histogram.at("low"), high = histogram.at("high");
  const std::size_t bins = histogram.at("test").at("density").size();
  const double width = (high - low) / static_cast<double>(bins);
  for (std::size_t k = 0; k < bins; ++k) {
    std::vector<double> row{low + (static_cast<double>(k) + 0.5) * width};
    for (const char* set : {"test", "samples", "reweighted"}) {
      row.push_back(number_or_nan(histogram.at(set).at("density")[k]));
      row.push_back(number_or_nan(histogram.at(set).at("error")[k]));
    }
    plot.rows.push_back(row);
  }
  plot.commands += "set yrange [0:]\nset boxwidth 1 relative\nplot ";
  plot.commands +=
      histogram_of(0, width, "test data") + histogram_of(1, width, "flow") +
      histogram_of(2, width, "flow, reweighted", any_number(histogram.at("reweighted").at("error")));
  return plot;
}

Plot density_figure(const std::string& name, const std::vector<ValueSet>& sets, const std::string& axis,
                    DensityStyle style) {
  constexpr std::size_t kBins = 60;
  double low = INFINITY, high = -INFINITY;
  std::vector<std::vector<double>> finite;
  for (const ValueSet& set : sets) {
    std::vector<double> values;
    std::copy_if(set.values.begin(), set.values.end(), std::back_inserter(values),
                 [](double value) { return std::isfinite(value); });
    std::sort(values.begin(), values.end());
    if (!values.empty()) {
      const auto [first, last] = bulk_of(values);
      low = std::min(low, first);
      high = std::max(high, last);
    }
    finite.push_back(std::move(values));
  }
  Plot plot{name, {"centre"}, {}, axes(axis, "density") + "set yrange [0:]\nset boxwidth 1 relative\nplot "};
  if (!(high > low)) return plot;
  const double width = (high - low) / kBins;
  plot.rows.assign(kBins, {});
  for (std::size_t k = 0; k < kBins; ++k)
    plot.rows[k].push_back(low + (static_cast<double>(k) + 0.5) * width);
  for (std::size_t s = 0; s < sets.size(); ++s) {
    std::vector<double> counts(kBins);
    for (const double value : finite[s]) {
      const double bin = std::floor((value - low) / width);
      if (bin >= 0 && bin < kBins) ++counts[static_cast<std::size_t>(bin)];
    }
    const double scale = 1 / (width * static_cast<double>(std::max<std::size_t>(sets[s].values.size(), 1)));
    for (std::size_t k = 0; k < kBins; ++k) {
      plot.rows[k].push_back(counts[k] * scale);
      plot.rows[k].push_back(std::sqrt(counts[k]) * scale);
    }
    plot.columns.insert(plot.columns.end(), {sets[s].legend, "error"});
    if (style == DensityStyle::boxes) {
      plot.commands += histogram_of(s, width, sets[s].legend);
    } else {
      plot.commands +=
          fmt::format("{}DATA using ($1-{}):{} with steps lt {} title {} noenhanced", s > 0 ? ", " : "",
                      width / 2, 2 * s + 2, s % kLineTypes + 1, gnuplot_text(sets[s].legend));
    }
  }
  return plot;
}

Plot overlaid_figure(const std::string& name, const std::vector<Series>& all, const SeriesAxes& axes_of) {
  Plot plot{name, {}, {}, axes(axes_of.x, axes_of.y)};
  if (axes_of.log_x) plot.commands += "set logscale x\n";
  if (axes_of.log_y) plot.commands += "set logscale y\nset format y \"10^{%T}\"\n";
  if (axes_of.from_zero) plot.commands += "set yrange [0:]\n";
  plot.commands += "plot ";
  const auto has_points = [](const Series& one) {
    for (std::size_t r = 0; r < std::min(one.x.size(), one.y.size()); ++r) {
      if (std::isfinite(one.x[r]) && std::isfinite(one.y[r])) return true;
    }
    return false;
  };
  std::vector<Series> series;
  std::ranges::copy_if(all, std::back_inserter(series), has_points);
  std::size_t rows = 0, lines = 0;
  for (const Series& one : series) rows = std::max(rows, one.x.size());
  plot.rows.assign(rows, {});
  for (std::size_t s = 0; s < series.size(); ++s) {
    const Series& one = series[s];
    for (std::size_t r = 0; r < rows; ++r) {
      plot.rows[r].push_back(r < one.x.size() ? one.x[r] : NAN);
      plot.rows[r].push_back(r < one.y.size() ? one.y[r] : NAN);
    }
    plot.columns.insert(plot.columns.end(), {"x", one.legend});
    const std::string data = fmt::format("{}DATA using {}:{} with ", s > 0 ? ", " : "", 2 * s + 1, 2 * s + 2);
    const std::string title = fmt::format(" title {} noenhanced", gnuplot_text(one.legend));
    if (one.filled) {
      plot.commands += data + "filledcurves y1=0 fc rgb \"#999999\" fs solid 0.35 noborder" + title;
      continue;
    }
    plot.commands += fmt::format("{}{} lt {}{}", data, axes_of.points ? "linespoints pt 7 ps 0.5" : "lines",
                                 lines++ % kLineTypes + 1, title);
  }
  return plot;
}

Plot ess_figure(const Evaluation& ess_against_n) {
  Plot plot{"ess", {"n", "ess", "error"}, {}, axes("samples n", "ESS / n")};
  bool errors = false;
  for (const auto& at : ess_against_n) {
    errors = errors || at.at("ess_error").is_number();
    plot.rows.push_back(
        {number_or_nan(at.at("n")), number_or_nan(at.at("ess")), number_or_nan(at.at("ess_error"))});
  }
  plot.commands +=
      "set logscale x\nset yrange [0:]\nplot DATA using 1:2 with linespoints lt 1 pt 7 ps 0.5 notitle";
  if (errors) plot.commands += error_bars(2, 1);
  return plot;
}

Plot path_figure(const Configurations<double>& path, const std::string& unit) {
  const std::size_t n = path.particles();
  Plot plot{"path", {}, {}, axes("first coordinate" + unit, "second coordinate" + unit)};
  for (std::size_t p = 0; p < path.count(); ++p) {
    std::vector<double> row;
    for (std::size_t i = 0; i < n; ++i) {
      row.push_back(path[p][i * path.dim()]);
      row.push_back(path.dim() > 1 ? path[p][i * path.dim() + 1] : 0);
    }
    plot.rows.push_back(row);
  }
  for (std::size_t i = 0; i < n; ++i) {
    plot.columns.insert(plot.columns.end(), {fmt::format("x{}", i), fmt::format("y{}", i)});
  }
  plot.commands += fmt::format(
      "set size ratio -1\nN = {}\n"
      "plot for [i=1:N] DATA using 2*i-1:2*i with lines lt 1 lw 1.5 notitle, \\\n"
      "  for [i=1:N] DATA every ::0::0 using 2*i-1:2*i with points lt 2 pt 6 ps 0.8 title (i == 1 ? "
      "\"prior\" : \"\"), \\\n"
      "  for [i=1:N] DATA every ::{}::{} using 2*i-1:2*i with points lt 3 pt 7 ps 0.8 title (i == 1 ? "
      "\"sample\" : \"\")",
      n, path.count() - 1, path.count() - 1);
  return plot;
}

Plot transport_figure(std::span<const TransportCost> costs, const std::string& unit) {
  std::map<std::size_t, std::map<CouplingKind, const TransportCost*>> by_batch;
  std::vector<CouplingKind> kinds;
  for (const TransportCost& cost : costs) {
    by_batch[cost.batch][cost.kind] = &cost;
    if (std::find(kinds.begin(), kinds.end(), cost.kind) == kinds.end()) kinds.push_back(cost.kind);
  }
  Plot plot{"transport", {"batch"}, {}, axes("batch size", "mean |x_0 - x_1|^2" + unit)};
  plot.commands += "set logscale x 2\nset yrange [0:]\nplot ";
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    const std::string name(coupling_name(kinds[k]));
    plot.columns.insert(plot.columns.end(), {name, "error"});
    plot.commands +=
        fmt::format("{}DATA using 1:{}:{} with yerrorlines lt {} pt 7 ps 0.5 title \"{}\" noenhanced",
                    k > 0 ? ", " : "", 2 * k + 2, 2 * k + 3, k + 1, name);
  }
  for (const auto& [batch, row_of] : by_batch) {
    std::vector<double> row{static_cast<double>(batch)};
    for (const CouplingKind kind : kinds) {
      const auto found = row_of.find(kind);
      row.push_back(found == row_of.end() ? NAN : found->second->mean);
      row.push_back(found == row_of.end() ? NAN : found->second->error);
    }
    plot.rows.push_back(row);
  }
  return plot;
}

Plot integration_figure(const IntegrationErrors& errors, const std::string& unit) {
  Plot plot{"integration",
            {"steps", "position", "error", "log_density", "error"},
            {},
            axes("steps of RK4", "mean error")};
  for (const IntegrationError& at : errors.rk4) {
    plot.rows.push_back({static_cast<double>(at.steps), at.position.value, at.position.error,
                         at.log_density.value, at.log_density.error});
  }
  plot.commands +=
      "set logscale xy\nset format y \"10^{%T}\"\n"
      "plot DATA using 1:2:3 with yerrorlines lt 1 pt 7 ps 0.5 title \"Σ|Δx|" +
      unit + "\", DATA using 1:4:5 with yerrorlines lt 2 pt 7 ps 0.5 title \"|Δ log p|\"";
  return plot;
}

}  // namespace equibolt
