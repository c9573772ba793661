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

namespace {

/// ½ Σ p²/m.
double kinetic_energy(std::span<const double> momentum, std::span<const double> mass) {
  double sum = 0;
  for (std::size_t k = 0; k < momentum.size(); ++k) sum += momentum[k] * momentum[k] / mass[k];
  return sum / 2;
}

}  // namespace

void langevin_block(Energy& energy, Walker& walker, std::size_t steps, const LangevinOptions& options,
                    Adjustment adjustment, std::uint64_t seed, std::uint64_t iteration,
                    MoveScratch& scratch) {
  const std::size_t dim = energy.dim();
  const std::size_t coordinates = energy.particles() * dim;
  scratch.prepare(1, energy);
  const auto x = scratch.x[0], gradient = scratch.gradient[0], p = scratch.momentum[0];
  std::vector<double> mass(coordinates, 1.0), deviation(coordinates);  // deviation: of momenta
  if (!options.masses.empty()) {
    for (std::size_t k = 0; k < coordinates; ++k) mass[k] = options.masses[k / dim];
  }
  for (std::size_t k = 0; k < coordinates; ++k) deviation[k] = std::sqrt(mass[k]);
  const double kept = std::exp(-options.friction * options.timestep);
  const double renewed = std::sqrt(1 - kept * kept);
  const double half = walker.step_size / 2;
  Random random(seed, Stream::simulate, iteration, walker.id);

  const auto kick = [&] {  // half a step of −∇u
    const Rung& rung = walker.rung;
    for (std::size_t k = 0; k < coordinates; ++k)
      p[k] -= half * (rung.target * gradient[k] + rung.prior * x[k]);
  };
  const auto drift = [&] {  // half a step
    for (std::size_t k = 0; k < coordinates; ++k) x[k] += half * p[k] / mass[k];
  };
  const auto renew = [&] {  // friction and noise of a whole step
    for (std::size_t k = 0; k < coordinates; ++k)
      p[k] = kept * p[k] + renewed * deviation[k] * random.normal();
  };
  std::copy(walker.x.begin(), walker.x.end(), x.begin());
  std::copy(walker.gradient.begin(), walker.gradient.end(), gradient.begin());
  for (std::size_t k = 0; k < coordinates; ++k) p[k] = deviation[k] * random.normal();

  const bool metropolis = adjustment == Adjustment::metropolis;
  double work = -reduced_energy(walker.rung, *walker.energy, half_square(walker.x)) - kinetic_energy(p, mass);
  walker.acceptance = 0;
  energy.forget();
  for (std::size_t step = 0; step < steps; ++step) {
    if (metropolis && step > 0) {
      const double before = kinetic_energy(p, mass);
      renew();
      work -= kinetic_energy(p, mass) - before;
    }
    kick();
    drift();
    if (!metropolis) renew();
    drift();
    energy.evaluate(scratch.x, scratch.energy, scratch.gradient, scratch.status);
    walker.status = status_of(scratch.energy[0], scratch.status[0]);
    if (walker.status != EnergyStatus::ok) return;
    kick();
  }
  work += reduced_energy(walker.rung, scratch.energy[0], half_square(x)) + kinetic_energy(p, mass);
  walker.acceptance = metropolis ? acceptance_of(-work) : 1.0;
  if (!(random.uniform() < walker.acceptance)) return;
  std::copy(x.begin(), x.end(), walker.x.begin());
  remove_mean(walker.x, dim);
  std::copy(gradient.begin(), gradient.end(), walker.gradient.begin());
  *walker.energy = scratch.energy[0];
}

void LangevinMover::move(Energy& energy, std::span<Walker> walkers, std::uint64_t seed,
                         std::uint64_t iteration, MoveScratch& scratch) const {
  for (Walker& walker : walkers)
    langevin_block(energy, walker, steps_, options_, Adjustment::metropolis, seed, iteration, scratch);
}

void LangevinMover::settle(Energy& energy, std::span<Walker> walkers, std::uint64_t seed,
                           std::uint64_t iteration, MoveScratch& scratch) const {
  for (Walker& walker : walkers)
    langevin_block(energy, walker, steps_, options_, Adjustment::none, seed, iteration, scratch);
}

}  // namespace equibolt
