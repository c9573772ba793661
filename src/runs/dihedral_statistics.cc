#include "runs/dihedral_statistics.h"

#include <cmath>
#include <vector>

#include "simulate/chain_estimate.h"

namespace equibolt {
namespace {

nlohmann::ordered_json estimate_json(const ChainEstimate& e) {
  return {{"value", e.estimate.value},
          {"error", e.estimate.error},
          {"error_from_chains", e.chain_error},
          {"autocorrelation_time", e.autocorrelation_time},
          {"effective_samples", e.effective_samples},
          {"r_hat", e.r_hat}};
}

}  // namespace

nlohmann::ordered_json dihedral_statistics(const MoleculeOptions& options, const Configurations<float>& x,
                                           std::size_t chains, std::span<const double> weights) {
  const Molecule molecule = load_molecule(options.structure);
  const auto dihedrals = dihedrals_of(molecule, options.dihedrals);
  const auto state = state_of(dihedrals, options.state);
  const std::size_t used = x.count() / chains * chains;  // whole records
  std::vector<double> position(x.coordinates());
  std::vector<double> values;  // (records, chains, columns)
  const std::size_t columns = 2 * dihedrals.size() + (state ? 1 : 0);
  for (std::size_t b = 0; b < used; ++b) {
    std::copy(x[b].begin(), x[b].end(), position.begin());
    std::vector<double> angles;
    for (const NamedDihedral& d : dihedrals) {
      angles.push_back(dihedral(position, d.atoms));
      values.push_back(std::cos(angles.back()));
      values.push_back(std::sin(angles.back()));
    }
    if (!state) continue;
    values.push_back(state->contains(angles) ? 1.0 : 0.0);
  }
  const auto estimate = [&](std::size_t column) {
    const auto series = series_of(values, chains, columns, column);
    if (weights.empty()) return estimate_of(series);
    return weighted_estimate_of(series, series_of(weights.first(used), chains, 1, 0));
  };
  nlohmann::ordered_json json;
  for (std::size_t d = 0; d < dihedrals.size(); ++d) {
    json[dihedrals[d].name] = {{"cos", estimate_json(estimate(2 * d))},
                               {"sin", estimate_json(estimate(2 * d + 1))}};
  }
  if (state) {
    const ChainEstimate population = estimate(columns - 1);
    const double p = population.estimate.value;
    const double slope = 1 / (p * (1 - p));
    json["state"] = {{"where", options.state},
                     {"population", estimate_json(population)},
                     {"free_energy",
                      {{"value", -std::log(p / (1 - p))},
                       {"error", slope * population.estimate.error},
                       {"error_from_chains", slope * population.chain_error}}}};
  }
  return json;
}

}  // namespace equibolt
