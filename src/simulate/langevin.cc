#include "simulate/langevin.h"

#include <algorithm>
#include <cmath>

#include "core/geometry.h"
#include "core/random.h"
#include "equibolt/error.h"

namespace equibolt {

void check(const LangevinOptions& options) {
  if (!(options.timestep > 0 && std::isfinite(options.timestep))) {
    throw UsageError("Langevin dynamics: expected a time step > 0, found {}", options.timestep);
  }
  if (!(options.friction > 0 && std::isfinite(options.friction))) {
    throw UsageError("Langevin dynamics: expected friction > 0, found {}", options.friction);
  }
  for (const double mass : options.masses) {
    if (!(mass > 0 && std::isfinite(mass)))
      throw UsageError("Langevin dynamics: expected masses > 0, found {}", mass);
  }
}

std::vector<double> with_heavy_hydrogens(std::vector<double> masses, std::span<const int> elements,
                                         const std::vector<std::vector<std::size_t>>& neighbours,
                                         double mass) {
  for (std::size_t i = 0; i < masses.size(); ++i) {
    const bool bonded_hydrogen =
        elements[i] == 1 && neighbours[i].size() == 1 && elements[neighbours[i][0]] != 1;
    if (!bonded_hydrogen || masses[i] >= mass) continue;
    masses[neighbours[i][0]] -= mass - masses[i];
    masses[i] = mass;
  }
  for (std::size_t i = 0; i < masses.size(); ++i) {
    if (elements[i] != 1 && !(masses[i] >= mass)) {
      throw UsageError("hydrogens of mass {} leave only {:.3f} to atom {}", mass, masses[i], i);
    }
  }
  return masses;
}

void langevin_trajectory(Energy& energy, std::span<Walker> walkers, std::size_t steps,
                         const LangevinOptions& options, std::uint64_t seed, std::uint64_t iteration,
                         MoveScratch& scratch) {
  const std::size_t count = walkers.size();
  const std::size_t dim = energy.dim();
  const std::size_t coordinates = energy.particles() * dim;
  scratch.prepare(count, energy);
  std::vector<double> mass(coordinates, 1.0);
  if (!options.masses.empty()) {
    for (std::size_t k = 0; k < coordinates; ++k) mass[k] = options.masses[k / dim];
  }
  const double kept = std::exp(-options.friction * options.timestep);
  const double renewed = std::sqrt(1 - kept * kept);
  std::vector<double> deviation(coordinates);  // of momenta
  for (std::size_t k = 0; k < coordinates; ++k) deviation[k] = std::sqrt(mass[k]);

  std::vector<Random> random;
  random.reserve(count);
  std::vector<bool> lost(count, false);
  const auto kick = [&](std::size_t w) {  // half a step of −∇u
    const Rung& rung = walkers[w].rung;
    const double half = walkers[w].step_size / 2;
    const auto x = scratch.x[w], gradient = scratch.gradient[w], p = scratch.momentum[w];
    for (std::size_t k = 0; k < coordinates; ++k)
      p[k] -= half * (rung.target * gradient[k] + rung.prior * x[k]);
  };
  const auto drift = [&](std::size_t w) {  // half a step
    const double half = walkers[w].step_size / 2;
    const auto x = scratch.x[w], p = scratch.momentum[w];
    for (std::size_t k = 0; k < coordinates; ++k) x[k] += half * p[k] / mass[k];
  };
  for (std::size_t w = 0; w < count; ++w) {
    random.emplace_back(seed, Stream::simulate, iteration, walkers[w].id);
    std::copy(walkers[w].x.begin(), walkers[w].x.end(), scratch.x[w].begin());
    std::copy(walkers[w].gradient.begin(), walkers[w].gradient.end(), scratch.gradient[w].begin());
    random[w].fill_normal(scratch.momentum[w]);
    for (std::size_t k = 0; k < coordinates; ++k) scratch.momentum[w][k] *= deviation[k];
  }
  for (std::size_t step = 0; step < steps; ++step) {
    for (std::size_t w = 0; w < count; ++w) {
      kick(w);
      drift(w);
      const auto p = scratch.momentum[w];
      for (std::size_t k = 0; k < coordinates; ++k)
        p[k] = kept * p[k] + renewed * deviation[k] * random[w].normal();
      drift(w);
    }
    energy.evaluate(scratch.x, scratch.energy, scratch.gradient, scratch.status);
    for (std::size_t w = 0; w < count; ++w) {
      if (scratch.status[w] != EnergyStatus::ok) lost[w] = true;
      kick(w);
    }
  }
  for (std::size_t w = 0; w < count; ++w) {
    Walker& walker = walkers[w];
    walker.acceptance = lost[w] ? 0.0 : 1.0;
    if (lost[w]) continue;
    std::copy(scratch.x[w].begin(), scratch.x[w].end(), walker.x.begin());
    remove_mean(walker.x, dim);
    std::copy(scratch.gradient[w].begin(), scratch.gradient[w].end(), walker.gradient.begin());
    *walker.energy = scratch.energy[w];
  }
}

}  // namespace equibolt
