#include "report/molecule_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "chemistry/dihedral.h"
#include "config/config_table.h"
#include "io/configurations_file.h"
#include "report/molecule_figures.h"
#include "system/molecule_options.h"

namespace equibolt {
namespace {

double number_or_nan(const nlohmann::ordered_json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : NAN;
}

void put_population(FigurePage& report, const nlohmann::ordered_json& state) {
  const auto &population = state.at("population"), &free_energy = state.at("free_energy");
  report.page().table(
      {{"state", "population", "error", "error from the chains", "ΔF, kT", "error from the chains"},
       {state.at("where").get<std::string>(), fmt::format("{:.5f}", number_or_nan(population, "value")),
        fmt::format("{:.5f}", number_or_nan(population, "error")),
        fmt::format("{:.5f}", number_or_nan(population, "error_from_chains")),
        fmt::format("{:.3f}", number_or_nan(free_energy, "value")),
        fmt::format("{:.3f}", number_or_nan(free_energy, "error_from_chains"))}},
      "ΔF = −ln(P/(1−P)). The error from the spread of independent chains assumes less than the one from "
      "autocorrelation times.");
}

}  // namespace

void put_dihedrals(FigurePage& report, const RunConfig& config, const RunFolder& folder) {
  const MoleculeOptions* options = molecule_options_of(config.system);
  if (options == nullptr || options->dihedrals.empty()) return;
  const std::filesystem::path path =
      config.data.train.empty() ? folder.train_data() : std::filesystem::path(config.data.train);
  if (!std::filesystem::exists(path)) return;
  report.page().heading("Dihedrals of the data");
  const Configurations<double> x = read_configurations(path, config.system.particles, config.system.dim);
  const auto dihedrals = dihedrals_of(load_molecule(options->structure), options->dihedrals);
  std::vector<std::vector<double>> angles(dihedrals.size());
  for (std::size_t b = 0; b < x.count(); ++b) {
    for (std::size_t d = 0; d < dihedrals.size(); ++d)
      angles[d].push_back(dihedral(x[b], dihedrals[d].atoms));
  }
  if (std::filesystem::exists(folder.simulation())) {
    const auto simulation = read_json(folder.simulation());
    if (simulation.contains("dihedrals") && simulation["dihedrals"].contains("state"))
      put_population(report, simulation["dihedrals"]["state"]);
  }
  const std::string from = fmt::format("{} configurations of {}", x.count(), path.filename().string());
  report.figure(angle_series("dihedral_series", angles[0], dihedrals[0].name),
                fmt::format("{} of one configuration after the other", dihedrals[0].name),
                fmt::format("{} along the file, chain after chain where a simulation made it: {}.",
                            dihedrals[0].name, from));
}

void put_umbrella(FigurePage& report, const nlohmann::ordered_json& umbrella) {
  report.page().heading("Umbrella sampling");
  const auto& f = umbrella.at("free_energy");
  const auto shown = [&](const char* name) {
    const double value = number_or_nan(f, name);
    return std::isfinite(value) ? fmt::format("{:.3f}", value) : std::string("–");
  };
  report.page().table(
      {{"state", "ΔF by WHAM, kT", "error", "ΔF by MBAR, kT", "blocks", "least overlap", "rejected blocks"},
       {umbrella.at("state").get<std::string>(), shown("value"), shown("error"), shown("by_mbar"),
        fmt::format("{}", umbrella.at("blocks").get<long>()),
        fmt::format("{:.3f}", number_or_nan(umbrella, "least_overlap")),
        fmt::format("{:.0f}", number_or_nan(umbrella, "rejected_blocks"))}},
      "ΔF = −ln(P/(1−P)). Errors are one standard error, by a bootstrap of blocks of time.");
  if (umbrella.contains("warnings")) {
    for (const auto& warning : umbrella["warnings"])
      report.page().paragraph("Warning: " + warning.get<std::string>());
  }
  const auto& rows = umbrella.at("profile").at("rows");
  if (std::any_of(rows.begin(), rows.end(), [](const auto& row) { return row.at(1).is_number(); })) {
    report.figure(umbrella_profile(umbrella), "Free energy against the angle, with its error",
                  "The free-energy profile by WHAM, with a band of one standard error where it is known.");
  } else {
    report.page().missing("The windows do not determine a free-energy profile.");
  }
  report.figure(
      umbrella_overlap(umbrella), "Overlap and acceptance of exchanges of neighbouring windows",
      "Overlap (MBAR) and acceptance of exchanges of each window with the next, around the circle. "
      "Below an overlap of 0.03 neighbouring windows share too few configurations for the error to be "
      "trusted.");
}

}  // namespace equibolt
