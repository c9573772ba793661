#include "analyze/likelihood.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "analyze/autocorrelation.h"

namespace equibolt {
namespace {

/// The mean of a simulation's series; its error is never smaller than if the values were independent.
Estimate series_mean(std::span<const double> series) {
  Estimate estimate = mean(series);
  if (series.size() >= 4) estimate.error *= std::sqrt(std::max(1.0, autocorrelation_time(series)));
  return estimate;
}

}  // namespace

double prior_log_normalisation(std::size_t particles, std::size_t dim) {
  return static_cast<double>((particles - 1) * dim) / 2 * std::log(2 * std::numbers::pi);
}

NegativeLogLikelihood negative_log_likelihood(std::span<const double> log_density, std::size_t particles,
                                              std::size_t dim) {
  require_finite(log_density, "log density");
  const Estimate log_likelihood = series_mean(log_density);
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
  const Estimate paired = series_mean(sums);
  return {free_energy.value - paired.value, std::hypot(free_energy.error, paired.error)};
}

Estimate lowest_negative_log_likelihood(const Estimate& free_energy, std::span<const double> energy) {
  require_finite(energy, "energy of the test samples");
  const Estimate potential = series_mean(energy);
  return {potential.value - free_energy.value, std::hypot(free_energy.error, potential.error)};
}

}  // namespace equibolt
