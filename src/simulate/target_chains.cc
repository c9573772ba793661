#include "simulate/target_chains.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/random.h"
#include "simulate/mover.h"
#include "simulate/walker.h"

namespace equibolt {
namespace {

/// Evaluates U at the first rung's configuration, unless it has not moved since it was last done.
void ask(TargetChains& target, std::size_t chain, Energy& energy, const FirstRung& rung) {
  if (target.asked_cheap[chain] == *rung.energy) return;
  const ConfigurationsView<const double> x(rung.x.data(), 1, target.x.particles(), target.x.dim());
  double value = 0;
  EnergyStatus status{};
  energy.forget();
  energy.evaluate(x, std::span(&value, 1), target.asked_gradient.view().slice(chain, 1),
                  std::span(&status, 1));
  const bool found = status_of(value, status) == EnergyStatus::ok;
  target.asked_energy[chain] = found ? value : std::numeric_limits<double>::infinity();
  target.asked_cheap[chain] = *rung.energy;
  target.asked[chain] += 1;
  if (!found) target.failed[chain] += 1;
}

}  // namespace

TargetChains start_target_chains(std::size_t chains, const Energy& energy) {
  TargetChains target;
  target.x = Configurations<double>(chains, energy.particles(), energy.dim());
  target.gradient = target.cheap_gradient = target.asked_gradient = target.x;
  target.energy.assign(chains, 0.0);
  target.acceptance = target.tries = target.asked = target.failed = target.energy;
  target.asked_energy = target.energy;
  target.cheap_energy.assign(chains, std::numeric_limits<double>::quiet_NaN());
  target.asked_cheap = target.cheap_energy;
  return target;
}

void exchange_with_target(TargetChains& target, std::size_t chain, Energy& energy, const FirstRung& rung,
                          std::uint64_t seed, std::uint64_t iteration) {
  ask(target, chain, energy, rung);
  if (std::isnan(target.cheap_energy[chain])) {
    std::ranges::copy(rung.x, target.x[chain].begin());
    std::ranges::copy(rung.gradient, target.cheap_gradient[chain].begin());
    std::ranges::copy(target.asked_gradient[chain], target.gradient[chain].begin());
    target.energy[chain] = target.asked_energy[chain];
    target.cheap_energy[chain] = *rung.energy;
    return;
  }
  const double excess = target.energy[chain] - target.cheap_energy[chain];
  const double excess_of_rung = target.asked_energy[chain] - *rung.energy;
  const double probability = acceptance_of(excess - excess_of_rung);
  target.acceptance[chain] += probability;
  target.tries[chain] += 1;
  Random random(seed, Stream::stand_in, iteration, chain);
  if (!(random.uniform() < probability)) return;
  std::ranges::swap_ranges(target.x[chain], rung.x);
  std::ranges::swap_ranges(target.cheap_gradient[chain], rung.gradient);
  std::ranges::swap_ranges(target.gradient[chain], target.asked_gradient[chain]);
  std::swap(target.energy[chain], target.asked_energy[chain]);
  std::swap(target.cheap_energy[chain], *rung.energy);
  target.asked_cheap[chain] = *rung.energy;
}

}  // namespace equibolt
