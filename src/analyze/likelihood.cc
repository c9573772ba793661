#include "analyze/likelihood.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "analyze/autocorrelation.h"

namespace equibolt {

double prior_log_normalisation(std::size_t particles, std::size_t dim) {
  return static_cast<double>((particles - 1) * dim) / 2 * std::log(2 * std::numbers::pi);
}

NegativeLogLikelihood negative_log_likelihood(std::span<const double> log_density, std::size_t particles,
                                              std::size_t dim) {
  require_finite(log_density, "log density");
  const Estimate log_likelihood = correlated_mean(log_density);
  const Estimate nll{-log_likelihood.value, log_likelihood.error};
  return {nll, {nll.value + prior_log_normalisation(particles, dim), nll.error}};
}

Estimate divergence_from_target(const Estimate& free_energy, std::span<const double> energy,
                                std::span<const double> log_density) {
  require_finite(energy, "energy of the test samples");
  require_finite(log_density, "log density of the test samples");
  if (energy.size() != log_density.size()) {
    throw DataError("{} energies, {} log densities of test samples", energy.size(), log_density.size());
  }
  std::vector<double> sums(energy.size());
  for (std::size_t k = 0; k < sums.size(); ++k) sums[k] = energy[k] + log_density[k];
  const Estimate paired = correlated_mean(sums);
  return {free_energy.value - paired.value, std::hypot(free_energy.error, paired.error)};
}

Estimate lowest_negative_log_likelihood(const Estimate& free_energy, std::span<const double> energy) {
  require_finite(energy, "energy of the test samples");
  const Estimate potential = correlated_mean(energy);
  return {potential.value - free_energy.value, std::hypot(free_energy.error, potential.error)};
}

}  // namespace equibolt
