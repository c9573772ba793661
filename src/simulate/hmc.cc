#include "simulate/hmc.h"

#include <algorithm>
#include <cmath>

#include "core/geometry.h"
#include "core/random.h"

namespace equibolt {
namespace {

constexpr double step_jitter = 0.2;

/// p ← p − step ∇u(x).
void kick(std::span<double> momentum, std::span<const double> gradient, std::span<const double> x,
          const Rung& rung, double step) {
  const double target = step * rung.target;
  const double prior = step * rung.prior;
  for (std::size_t k = 0; k < momentum.size(); ++k) momentum[k] -= target * gradient[k] + prior * x[k];
}

void drift(std::span<double> x, std::span<const double> momentum, double step) {
  for (std::size_t k = 0; k < x.size(); ++k) x[k] += step * momentum[k];
}

}  // namespace

void hmc_step(Energy& energy, std::span<Walker> walkers, std::size_t leapfrog_steps, std::uint64_t seed,
              std::uint64_t iteration, MoveScratch& scratch) {
  const std::size_t count = walkers.size();
  scratch.prepare(count, energy);
  std::vector<Random> random;
  random.reserve(count);
  for (std::size_t w = 0; w < count; ++w) {
    const Walker& walker = walkers[w];
    random.emplace_back(seed, Stream::simulate, iteration, walker.id);
    scratch.step[w] = walker.step_size * (1 + step_jitter * (2 * random[w].uniform() - 1));
    mean_free_normal(random[w], scratch.momentum[w], energy.dim());
    std::copy(walker.x.begin(), walker.x.end(), scratch.x[w].begin());
    scratch.start[w] =
        reduced_energy(walker.rung, *walker.energy, half_square(walker.x)) + half_square(scratch.momentum[w]);
    kick(scratch.momentum[w], walker.gradient, walker.x, walker.rung, scratch.step[w] / 2);
  }
  for (std::size_t l = 0; l < leapfrog_steps; ++l) {
    for (std::size_t w = 0; w < count; ++w) drift(scratch.x[w], scratch.momentum[w], scratch.step[w]);
    energy.evaluate(scratch.x, scratch.energy, scratch.gradient, scratch.status);
    const double share = l + 1 < leapfrog_steps ? 1 : 0.5;
    for (std::size_t w = 0; w < count; ++w) {
      kick(scratch.momentum[w], scratch.gradient[w], scratch.x[w], walkers[w].rung, share * scratch.step[w]);
    }
  }
  for (std::size_t w = 0; w < count; ++w) {
    Walker& walker = walkers[w];
    const double end = reduced_energy(walker.rung, scratch.energy[w], half_square(scratch.x[w])) +
                       half_square(scratch.momentum[w]);
    walker.status = status_of(scratch.energy[w], scratch.status[w]);
    walker.acceptance = walker.status == EnergyStatus::ok ? acceptance_of(scratch.start[w] - end) : 0.0;
    if (!(random[w].uniform() < walker.acceptance)) continue;
    std::copy(scratch.x[w].begin(), scratch.x[w].end(), walker.x.begin());
    std::copy(scratch.gradient[w].begin(), scratch.gradient[w].end(), walker.gradient.begin());
    *walker.energy = scratch.energy[w];
  }
}

}  // namespace equibolt
