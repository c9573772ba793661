#include "simulate/umbrella.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/random.h"
#include "equibolt/error.h"
#include "simulate/hmc.h"

namespace equibolt {
namespace {

void check(const UmbrellaOptions& options) {
  check(options.langevin);
  check(options.relax);
  if (options.windows < 2)
    throw UsageError("umbrella: expected at least 2 windows, found {}", options.windows);
  if (!(options.stiffness > 0))
    throw UsageError("umbrella: expected stiffness > 0, found {}", options.stiffness);
  if (options.blocks == 0 || options.block_steps == 0) {
    throw UsageError("umbrella: expected blocks and steps >= 1, found {} and {}", options.blocks,
                     options.block_steps);
  }
  if (!options.hmc) return;
  const auto [step, steps] = *options.hmc;
  if (!(step > 0 && std::isfinite(step)))
    throw UsageError("umbrella: expected a leapfrog step > 0, found {}", step);
  if (steps == 0 || options.block_steps % steps != 0) {
    throw UsageError("umbrella: expected blocks of a multiple of the {} leapfrog steps, found {}", steps,
                     options.block_steps);
  }
}

DihedralRestraint bias_of(const UmbrellaOptions& options, std::size_t window) {
  return {options.atoms, window_centre(window, options.windows), 0, options.stiffness};
}

/// A batch of none makes energies forget what they keep from step to step: what another window left.
void forget(Energy& energy, ConfigurationsView<const double> x) {
  energy.evaluate(x.slice(0, 0), {}, {}, {});
}

}  // namespace

UmbrellaState umbrella_start(const UmbrellaOptions& options, ConfigurationsView<const double> frames) {
  UmbrellaState state;
  state.x = Configurations<double>(options.windows, frames.particles(), frames.dim());
  std::vector<double> angles;
  for (std::size_t b = 0; b < frames.count(); ++b) angles.push_back(dihedral(frames[b], options.atoms));
  for (std::size_t w = 0; w < options.windows; ++w) {
    const double centre = window_centre(w, options.windows);
    const auto nearest = std::min_element(angles.begin(), angles.end(), [&](double a, double b) {
      return std::abs(angle_difference(a, centre)) < std::abs(angle_difference(b, centre));
    });
    const auto frame = frames[static_cast<std::size_t>(nearest - angles.begin())];
    std::copy(frame.begin(), frame.end(), state.x[w].begin());
  }
  state.accepted.assign(options.windows - 1, 0.0);
  state.tried = state.accepted;
  state.rejected.assign(options.windows, 0.0);
  state.moved = state.taken = state.rejected;
  return state;
}

Umbrella::Umbrella(const Energy& prototype, const UmbrellaOptions& options, ThreadPool& pool,
                   UmbrellaState state, const Energy* target)
    : options_(options), pool_(pool), state_(std::move(state)) {
  check(options_);
  const std::size_t windows = options_.windows;
  const auto one_each = [&](const std::vector<double>& values) { return values.size() == windows; };
  const bool fits = state_.x.count() == windows && state_.x.particles() == prototype.particles() &&
                    state_.x.dim() == prototype.dim() && state_.angles.size() % windows == 0 &&
                    state_.accepted.size() + 1 == windows && state_.tried.size() + 1 == windows &&
                    one_each(state_.rejected) && one_each(state_.moved) && one_each(state_.taken) &&
                    (state_.excess.empty() || (one_each(state_.excess) && target != nullptr)) &&
                    (state_.relaxed || state_.angles.empty());
  if (!fits) throw DataError("the saved umbrella sampling is of another system or other options");
  if (target != nullptr && !options_.hmc)
    throw UsageError("umbrella: a target besides needs Hamiltonian Monte Carlo");
  for (std::size_t worker = 0; worker < pool.size(); ++worker) {
    auto restraints = options_.guards;
    restraints.push_back(bias_of(options_, 0));
    energies_.push_back(std::make_unique<Restrained>(prototype.clone(), std::move(restraints)));
    if (target != nullptr) targets_.push_back(target->clone());
  }
}

void Umbrella::advance() {
  if (finished()) return;
  if (!state_.relaxed) {
    run_langevin(options_.relax_steps, options_.relax, 0);
    state_.relaxed = true;
    return;
  }
  const std::uint64_t iteration = blocks_done() + 1;
  if (options_.hmc) {
    run_trajectories(iteration);
  } else {
    run_langevin(options_.block_steps, options_.langevin, iteration);
  }
  if (options_.exchange) exchange(iteration);
  for (std::size_t w = 0; w < options_.windows; ++w)
    state_.angles.push_back(dihedral(state_.x[w], options_.atoms));
}

template <typename Body>
void Umbrella::for_windows(const Body& body) {
  pool_.for_chunks(options_.windows, 1, [&](const ThreadPool::Chunk& chunk) {
    const std::size_t w = chunk.first;
    Restrained& energy = *energies_[chunk.worker];
    energy.restraints().back() = bias_of(options_, w);
    forget(energy, state_.x.view());
    double value = 0;
    EnergyStatus status{};
    Configurations<double> gradient(1, state_.x.particles(), state_.x.dim());
    energy.evaluate(state_.x.view().slice(w, 1), std::span(&value, 1), gradient.view(),
                    std::span(&status, 1));
    if (status != EnergyStatus::ok) throw NumericalError("umbrella: window {} has no energy where it is", w);
    Walker walker{
        .id = w, .rung = {1, 0}, .step_size = 0, .x = state_.x[w], .gradient = gradient[0], .energy = &value};
    body(chunk.worker, energy, walker);
  });
}

void Umbrella::run_langevin(std::size_t steps, const LangevinOptions& langevin, std::uint64_t iteration) {
  for_windows([&](std::size_t, Energy& energy, Walker& walker) {
    walker.step_size = langevin.timestep;
    MoveScratch scratch;
    langevin_trajectory(energy, std::span(&walker, 1), steps, langevin, options_.seed, iteration, scratch);
    state_.rejected[walker.id] += 1 - walker.acceptance;
  });
}

double Umbrella::excess(std::size_t worker, const Walker& walker) {
  const auto x = ConfigurationsView<const double>(state_.x.view()).slice(walker.id, 1);
  double value = 0;
  EnergyStatus status{};
  forget(*targets_[worker], x);
  targets_[worker]->evaluate(x, std::span(&value, 1), {}, std::span(&status, 1));
  if (status != EnergyStatus::ok) return std::numeric_limits<double>::infinity();
  return value - (*walker.energy - energies_[worker]->term(x[0], {}));
}

void Umbrella::run_trajectories(std::uint64_t iteration) {
  const bool stand_in = !targets_.empty();
  const bool first = stand_in && state_.excess.empty();
  if (first) state_.excess.assign(options_.windows, 0.0);
  for_windows([&](std::size_t worker, Energy& energy, Walker& walker) {
    const std::size_t w = walker.id;
    if (first) state_.excess[w] = excess(worker, walker);
    if (first && !std::isfinite(state_.excess[w])) {
      throw NumericalError("umbrella: the target has no energy where window {} begins", w);
    }
    const std::vector<double> before(walker.x.begin(), walker.x.end());
    walker.step_size = options_.hmc->step;
    MoveScratch scratch;
    const std::size_t trajectories = options_.block_steps / options_.hmc->leapfrog_steps;
    for (std::size_t k = 0; k < trajectories; ++k) {
      hmc_step(energy, std::span(&walker, 1), options_.hmc->leapfrog_steps, options_.seed,
               iteration * trajectories + k, scratch);
      state_.moved[w] += walker.acceptance / static_cast<double>(trajectories);
    }
    if (!stand_in) return;
    const double now = excess(worker, walker);
    const double probability = std::exp(std::min(0.0, state_.excess[w] - now));
    state_.taken[w] += probability;
    if (std::isinf(now)) state_.rejected[w] += 1;
    Random random(options_.seed, Stream::stand_in, iteration, w);
    if (random.uniform() < probability) {
      state_.excess[w] = now;
    } else {
      std::copy(before.begin(), before.end(), walker.x.begin());
    }
  });
}

void Umbrella::exchange(std::uint64_t iteration) {
  for (std::size_t k = iteration % 2; k + 1 < options_.windows; k += 2) {
    const DihedralRestraint here = bias_of(options_, k), there = bias_of(options_, k + 1);
    const double a = dihedral(state_.x[k], options_.atoms);
    const double b = dihedral(state_.x[k + 1], options_.atoms);
    const double gain = here.energy(a) + there.energy(b) - here.energy(b) - there.energy(a);
    const double probability = std::exp(std::min(0.0, gain));
    state_.accepted[k] += probability;
    state_.tried[k] += 1;
    Random random(options_.seed, Stream::exchange, iteration, k);
    if (!(random.uniform() < probability)) continue;
    std::swap_ranges(state_.x[k].begin(), state_.x[k].end(), state_.x[k + 1].begin());
    if (!state_.excess.empty()) std::swap(state_.excess[k], state_.excess[k + 1]);
  }
}

}  // namespace equibolt
