#include "report/molecule_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace equibolt {
namespace {

double number_or_nan(const nlohmann::ordered_json& value) {
  return value.is_number() ? value.get<double>() : NAN;
}

/// Ticks of a full circle for the axes that are named.
std::string circle(const std::string& axes) {
  std::string commands;
  for (const char axis : axes) {
    commands += fmt::format(
        "set {0}range [-pi:pi]\nset {0}tics (\"−π\" -pi, \"−π/2\" -pi/2, \"0\" 0, \"π/2\" pi/2, "
        "\"π\" pi)\n",
        axis);
  }
  return commands;
}

}  // namespace

Plot angle_series(const std::string& name, std::span<const double> angle, const std::string& angle_name) {
  constexpr std::size_t most = 4000;
  Plot plot{name, {"place", angle_name}, {}, ""};
  const std::size_t stride = std::max<std::size_t>(1, (angle.size() + most - 1) / most);
  for (std::size_t n = 0; n < angle.size(); n += stride)
    plot.rows.push_back({static_cast<double>(n), angle[n]});
  plot.commands = fmt::format(
      "set xlabel \"place in the file\"\nset ylabel \"{}, rad\" noenhanced\n{}"
      "plot DATA using 1:2 with points lt 1 pt 7 ps 0.15 notitle",
      angle_name, circle("y"));
  return plot;
}

Plot umbrella_profile(const nlohmann::ordered_json& umbrella) {
  Plot plot{"profile", {"angle", "free_energy", "error"}, {}, ""};
  bool errors = false;
  for (const auto& row : umbrella.at("profile").at("rows")) {
    errors = errors || row.at(2).is_number();
    plot.rows.push_back({number_or_nan(row.at(0)), number_or_nan(row.at(1)), number_or_nan(row.at(2))});
  }
  const std::string band =
      "DATA using 1:($2-$3):($2+$3) with filledcurves lt 1 fs solid 0.3 noborder title \"± one error\", ";
  plot.commands = fmt::format(
      "set xlabel \"angle, rad\"\nset ylabel \"F, kT\"\n{}set yrange [0:]\nplot {}DATA using 1:2 with lines "
      "lt 1 "
      "title "
      "\"F\"",
      circle("x"), errors ? band : "");
  return plot;
}

Plot umbrella_overlap(const nlohmann::ordered_json& umbrella) {
  Plot plot{"overlap", {"window", "overlap", "exchange_acceptance"}, {}, ""};
  const auto& overlap = umbrella.at("overlap");
  const auto& acceptance = umbrella.at("exchange_acceptance");
  for (std::size_t w = 0; w < overlap.size(); ++w) {
    plot.rows.push_back({static_cast<double>(w), number_or_nan(overlap[w]),
                         w < acceptance.size() ? number_or_nan(acceptance[w]) : NAN});
  }
  plot.commands =
      "set xlabel \"window\"\nset logscale y\nset format y \"10^{%T}\"\nset yrange [*:1]\n"
      "plot DATA using 1:2 with linespoints lt 1 pt 7 ps 0.4 title \"overlap with the next\", "
      "DATA using 1:3 with linespoints lt 2 pt 7 ps 0.4 title \"acceptance of exchanges\", "
      "0.03 with lines lt 3 dt 2 title \"0.03\"";
  return plot;
}

}  // namespace equibolt
