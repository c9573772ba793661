#include "report/observable_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include "core/number_text.h"
#include "observables/observable.h"
#include "runs/analysis.h"
#include "runs/analysis_text.h"

namespace equibolt {
namespace {

using Json = nlohmann::ordered_json;

double number(const Json& value) {
  return value.is_number() ? value.get<double>() : NAN;
}

double number_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found == json.end() ? NAN : number(*found);
}

std::string estimate_text(const Json& json, const std::string& key, double scale = 1) {
  const double value = number_of(json, key.c_str()) * scale;
  return std::isfinite(value) ? with_error(value, number_of(json, (key + "_error").c_str()) * scale) : "–";
}

/// An axis with its label, with ticks of a full circle for an angle.
std::string axis(char which, const std::string& label, bool periodic) {
  std::string commands = fmt::format("set {}label {} noenhanced\n", which, gnuplot_text(label));
  if (periodic) {
    commands += fmt::format(
        "set {0}range [-pi:pi]\nset {0}tics (\"−π\" -pi, \"−π/2\" -pi/2, \"0\" 0, \"π/2\" pi/2, \"π\" pi)\n",
        which);
  }
  return commands;
}

std::vector<double> centres(const Json& bins) {
  const double low = bins.at("low"), high = bins.at("high");
  const std::size_t count = bins.at("count");
  std::vector<double> at;
  for (std::size_t b = 0; b < count; ++b)
    at.push_back(low + (static_cast<double>(b) + 0.5) * (high - low) / static_cast<double>(count));
  return at;
}

bool any_number(const Json& values) {
  return std::any_of(values.begin(), values.end(), [](const Json& value) { return value.is_number(); });
}

/// A column of values and one of errors for each set, on the observable's bins.
Plot plot_of_sets(const Json& observable, const std::string& name, const std::string& key) {
  Plot plot{name, {"centre"}, {}, ""};
  for (const double centre : centres(observable.at("bins"))) plot.rows.push_back({centre});
  for (const Json& set : observable.at("sets")) {
    plot.columns.insert(plot.columns.end(), {set.at("set").get<std::string>(), "error"});
    for (std::size_t b = 0; b < plot.rows.size(); ++b) {
      plot.rows[b].push_back(number(set.at(key)[b]));
      plot.rows[b].push_back(number(set.at(key + "_error")[b]));
    }
  }
  return plot;
}

std::string figure_name(const Json& observable) {
  return file_name_of(observable.at("name").get<std::string>());
}

}  // namespace

Plot observable_histogram(const Json& observable) {
  Plot plot = plot_of_sets(observable, figure_name(observable), "density");
  plot.commands = axis('x', observable.at("axis"), observable.at("periodic")) +
                  "set ylabel \"density\"\nset yrange [0:]\nplot ";
  std::size_t k = 0;
  for (const Json& set : observable.at("sets")) {
    const std::size_t column = 2 * k + 2, line = k % kLineTypes + 1;
    plot.commands +=
        fmt::format("{}DATA using 1:{} with histeps lt {} title {} noenhanced", k > 0 ? ", " : "", column,
                    line, gnuplot_text(set.at("set").get<std::string>()));
    if (any_number(set.at("density_error"))) {
      plot.commands += fmt::format(", DATA using 1:{}:{} with yerrorbars lt {} lw 1 pt 7 ps 0 notitle",
                                   column, column + 1, line);
    }
    ++k;
  }
  if (k == 0) plot.rows.clear();
  return plot;
}

Plot observable_profile(const Json& observable) {
  Plot plot = plot_of_sets(observable, figure_name(observable) + "-free-energy", "free_energy");
  plot.commands = axis('x', observable.at("axis"), observable.at("periodic")) +
                  "set ylabel \"F, kT\"\nset yrange [0:]\nplot ";
  std::size_t k = 0;
  const auto add = [&](const std::string& label, std::size_t x, std::size_t column, bool errors) {
    const std::size_t line = k % kLineTypes + 1;
    if (k > 0) plot.commands += ", ";
    // Where a value is missing there is a gap: gnuplot joins the points beside it unless it is a NaN.
    if (errors) {
      plot.commands += fmt::format(
          "DATA using {0}:(column({1})-column({2})):(column({1})+column({2})) with filledcurves lt {3} fs "
          "solid 0.3 noborder notitle, ",
          x, column, column + 1, line);
    }
    plot.commands += fmt::format(
        "DATA using {0}:(valid({1}) ? column({1}) : NaN) with linespoints lt {2} pt 7 ps 0.3 title {3} "
        "noenhanced",
        x, column, line, gnuplot_text(label));
    ++k;
  };
  for (const Json& set : observable.at("sets"))
    add(set.at("set"), 1, 2 * k + 2, any_number(set.at("free_energy_error")));
  // Profiles have places of their own.
  for (const Json& profile : observable.at("profiles")) {
    const std::size_t first = plot.columns.size();
    plot.columns.insert(plot.columns.end(), {"angle", profile.at("set").get<std::string>(), "error"});
    const Json& rows = profile.at("rows");
    if (plot.rows.size() < rows.size()) plot.rows.resize(rows.size());
    for (std::size_t r = 0; r < plot.rows.size(); ++r) {
      plot.rows[r].resize(first, NAN);
      for (std::size_t c = 0; c < 3; ++c)
        plot.rows[r].push_back(r < rows.size() ? number(rows[r].at(c)) : NAN);
    }
    const bool errors =
        std::any_of(rows.begin(), rows.end(), [](const Json& row) { return row.at(2).is_number(); });
    add(profile.at("set"), first + 1, first + 2, errors);
  }
  if (k == 0) plot.rows.clear();
  return plot;
}

Plot observable_map(const Json& map, const Json& set) {
  const std::vector<double> first = centres(map.at("first_bins")), second = centres(map.at("second_bins"));
  Plot plot{fmt::format("map-{}-{}-{}", file_name_of(map.at("first").get<std::string>()),
                        file_name_of(map.at("second").get<std::string>()),
                        file_name_of(set.at("set").get<std::string>())),
            {map.at("first").get<std::string>(), map.at("second").get<std::string>(), "free_energy", "error"},
            {},
            ""};
  for (std::size_t k = 0; k < first.size() * second.size(); ++k) {
    if (!set.at("free_energy")[k].is_number()) continue;
    plot.rows.push_back({first[k / second.size()], second[k % second.size()],
                         number(set.at("free_energy")[k]), number(set.at("free_energy_error")[k])});
  }
  const auto half = [](const Json& bins) {
    return (bins.at("high").get<double>() - bins.at("low").get<double>()) / bins.at("count").get<double>() /
           2;
  };
  plot.commands = axis('x', map.at("first_axis"), map.at("first_periodic")) +
                  axis('y', map.at("second_axis"), map.at("second_periodic")) +
                  fmt::format(
                      "set cblabel \"F, kT\"\nset size ratio 1\n"
                      "set palette defined (0 \"#0b2545\", 0.5 \"#0072b2\", 1 \"#e8f1f8\")\n"
                      "plot DATA using 1:2:({}):({}):3 with boxxyerror fc palette fs solid noborder notitle",
                      half(map.at("first_bins")), half(map.at("second_bins")));
  return plot;
}

void put_analysis(FigurePage& report, const Json& analysis) {
  TableRows sets{{"set", "samples", "failed", "ESS, %", "Pareto k̂"}};
  for (const Json& set : analysis.at("sets")) {
    const double k = number_of(set, "pareto_k");
    sets.push_back({set.at("label").get<std::string>(), fmt::format("{}", set.at("samples").get<long>()),
                    fmt::format("{}", set.at("failed").get<long>()), estimate_text(set, "ess", 100),
                    std::isfinite(k) ? fmt::format("{:.2f}", k) : "–"});
  }
  if (sets.size() > 1) report.page().table(sets, "What was analysed. Errors are one standard error.");
  for (const Json& set : analysis.at("sets")) {
    for (const Json& warning : set.at("warnings")) {
      report.page().paragraph(
          fmt::format("Warning: {}: {}", set.at("label").get<std::string>(), warning.get<std::string>()));
    }
  }
  for (const Json& state : analysis.at("states")) {
    TableRows rows{{"set", "P", "ΔF, kT"}};
    for (const Json& set : state.at("sets"))
      rows.push_back({set.at("set").get<std::string>(), estimate_text(set, "population"),
                      estimate_text(set, "free_energy")});
    report.page().table(rows,
                        fmt::format("State {}: ΔF = −ln(P/(1−P)).", state.at("state").get<std::string>()));
  }
  for (const Json& observable : analysis.at("observables")) {
    const std::string name = observable.at("name");
    report.page().heading(name);
    if (!observable.at("sets").empty()) {
      TableRows rows{{"set", "mean", "effective samples"}};
      for (const Json& set : observable.at("sets")) {
        rows.push_back({set.at("set").get<std::string>(), estimate_text(set, "mean"),
                        fmt::format("{:.0f}", number_of(set, "effective_samples"))});
      }
      report.page().table(rows, fmt::format("{}: {}.", name, observable.at("definition").get<std::string>()));
      report.figure(observable_histogram(observable), fmt::format("Histogram of {}", name),
                    "Histogram with one standard error.");
    }
    report.figure(observable_profile(observable), fmt::format("Free energy along {}", name),
                  "F = −ln of the density, above its lowest bin, with a band of one standard error.");
  }
  for (const Json& map : analysis.at("maps")) {
    report.page().heading(
        fmt::format("{}, {}", map.at("first").get<std::string>(), map.at("second").get<std::string>()));
    for (const Json& set : map.at("sets")) {
      const std::string label = set.at("set");
      report.figure(observable_map(map, set), fmt::format("Map of the free energy, {}", label),
                    fmt::format("F in kT above the lowest bin: {}.", label));
    }
  }
}

void put_observables(FigurePage& report, const RunConfig& config, const RunFolder& folder,
                     Reporter& reporter) {
  const std::vector<Observable> named = observed_system(config.system).named;
  const auto there = [](const std::filesystem::path& path) { return std::filesystem::exists(path); };
  const bool anything = there(folder.samples()) || there(folder.train_data()) ||
                        (!config.data.train.empty() && there(config.data.train));
  if (named.empty() || !anything) return;
  AnalysisRequest request;
  request.inputs = {folder.path.string()};
  std::vector<std::string> angles;
  for (const Observable& observable : named) {
    request.observables.push_back(observable.name);
    if (observable.periodic) angles.push_back(observable.name);
  }
  if (angles.size() > 1) request.maps.emplace_back(angles[0], angles[1]);
  put_analysis(report, analyse(request, reporter));
}

}  // namespace equibolt
