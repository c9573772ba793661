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

constexpr std::size_t kRelaxBlock = 100;  // steps of relaxation between looks at the clock
constexpr std::size_t kTrialBlocks = 20;  // after which a window that never moves stops everything
constexpr double kLeastAcceptance = 0.01;

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

std::unique_ptr<const Mover> make_mover(const UmbrellaOptions& options) {
  check(options);
  if (options.hmc) return std::make_unique<HmcMover>(options.hmc->leapfrog_steps);
  return std::make_unique<LangevinMover>(options.block_steps, options.langevin);
}

DihedralRestraint bias_of(const UmbrellaOptions& options, std::size_t window) {
  return {options.atoms, window_centre(window, options.windows), 0, options.stiffness};
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
  state.moved = state.taken = state.unrelaxed = state.rejected;
  return state;
}

Umbrella::Umbrella(const Energy& prototype, const UmbrellaOptions& options, ThreadPool& pool,
                   UmbrellaState state, const Energy* target)
    : options_(options),
      mover_(make_mover(options)),
      moves_(options.hmc ? options.block_steps / options.hmc->leapfrog_steps : 1),
      pool_(pool),
      state_(std::move(state)) {
  const std::size_t windows = options_.windows;
  const auto one_each = [&](const std::vector<double>& values) { return values.size() == windows; };
  const bool fits = state_.x.count() == windows && state_.x.particles() == prototype.particles() &&
                    state_.x.dim() == prototype.dim() && state_.angles.size() % windows == 0 &&
                    state_.accepted.size() + 1 == windows && state_.tried.size() + 1 == windows &&
                    one_each(state_.rejected) && one_each(state_.unrelaxed) && one_each(state_.moved) &&
                    one_each(state_.taken) && state_.ready < windows &&
                    (state_.excess.empty() || (one_each(state_.excess) && target != nullptr)) &&
                    (relaxed() || state_.angles.empty());
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
  const std::size_t first = state_.ready, count = std::min(pool_.size(), options_.windows - first);
  const bool relaxing = !relaxed();
  const std::uint64_t iteration = blocks_done() + 1;
  if (relaxing) {
    relax(first, count);
  } else {
    run_block(first, count, iteration);
  }
  state_.ready = first + count;
  if (state_.ready < options_.windows) return;
  state_.ready = 0;
  if (relaxing) {
    state_.relaxed = std::min(state_.relaxed + kRelaxBlock, options_.relax_steps);
    return;
  }
  if (options_.exchange) exchange(iteration);
  for (std::size_t w = 0; w < options_.windows; ++w)
    state_.angles.push_back(dihedral(state_.x[w], options_.atoms));
  if (blocks_done() == kTrialBlocks) require_acceptance();
}

double Umbrella::progress() const {
  const auto windows = static_cast<double>(options_.windows);
  const double ahead = static_cast<double>(state_.ready) / windows;
  const auto steps = static_cast<double>(options_.block_steps);
  const double done =
      relaxed()
          ? static_cast<double>(options_.relax_steps) + (static_cast<double>(blocks_done()) + ahead) * steps
          : static_cast<double>(state_.relaxed) + ahead * static_cast<double>(kRelaxBlock);
  return std::min(
      1.0, done / (static_cast<double>(options_.relax_steps) + static_cast<double>(options_.blocks) * steps));
}

std::vector<double> Umbrella::bias_energies() const {
  std::vector<double> energies;
  for (std::size_t w = 0; w < options_.windows; ++w)
    energies.push_back(bias_of(options_, w).energy(dihedral(state_.x[w], options_.atoms)));
  return energies;
}

template <typename Body>
void Umbrella::for_windows(std::size_t first, std::size_t count, const Body& body) {
  pool_.for_chunks(count, 1, [&](const ThreadPool::Chunk& chunk) {
    const std::size_t w = first + chunk.first;
    Restrained& energy = *energies_[chunk.worker];
    energy.restraints().back() = bias_of(options_, w);
    energy.forget();
    double value = 0;
    EnergyStatus status{};
    Configurations<double> gradient(1, state_.x.particles(), state_.x.dim());
    energy.evaluate(state_.x.view().slice(w, 1), std::span(&value, 1), gradient.view(),
                    std::span(&status, 1));
    if (status_of(value, status) != EnergyStatus::ok)
      throw NumericalError("umbrella: window {} has no energy where it is", w);
    Walker walker{
        .id = w, .rung = {1, 0}, .step_size = 0, .x = state_.x[w], .gradient = gradient[0], .energy = &value};
    body(chunk.worker, energy, walker);
  });
}

void Umbrella::relax(std::size_t first, std::size_t count) {
  const std::size_t steps = std::min(kRelaxBlock, options_.relax_steps - state_.relaxed);
  for_windows(first, count, [&](std::size_t, Energy& energy, Walker& walker) {
    walker.step_size = options_.relax.timestep;
    MoveScratch scratch;
    // Counted from above, so that no block of production has the same random numbers.
    const std::uint64_t iteration = std::numeric_limits<std::uint64_t>::max() - state_.relaxed;
    langevin_block(energy, walker, steps, options_.relax, Adjustment::none, options_.seed, iteration,
                   scratch);
    if (walker.status == EnergyStatus::not_finite) {
      throw NumericalError(
          "umbrella: the energy of window {} is no longer finite within {} steps of relaxation: the time "
          "step "
          "is too long for these masses, or the frame where it begins is broken; lower simulate.timestep_fs",
          walker.id, state_.relaxed + steps);
    }
    if (walker.status != EnergyStatus::ok) state_.unrelaxed[walker.id] += 1;
  });
}

double Umbrella::excess(std::size_t worker, const Walker& walker) {
  const auto x = ConfigurationsView<const double>(state_.x.view()).slice(walker.id, 1);
  double value = 0;
  EnergyStatus status{};
  targets_[worker]->forget();
  targets_[worker]->evaluate(x, std::span(&value, 1), {}, std::span(&status, 1));
  if (status_of(value, status) != EnergyStatus::ok) return std::numeric_limits<double>::infinity();
  return value - (*walker.energy - energies_[worker]->term(x[0], {}));
}

void Umbrella::run_block(std::size_t first, std::size_t count, std::uint64_t iteration) {
  const bool stand_in = !targets_.empty();
  if (stand_in && state_.excess.empty())
    state_.excess.assign(options_.windows, std::numeric_limits<double>::quiet_NaN());
  for_windows(first, count, [&](std::size_t worker, Energy& energy, Walker& walker) {
    const std::size_t w = walker.id;
    if (stand_in && std::isnan(state_.excess[w])) {
      state_.excess[w] = excess(worker, walker);
      if (!std::isfinite(state_.excess[w]))
        throw NumericalError("umbrella: the target has no energy where window {} begins", w);
    }
    const std::vector<double> before(walker.x.begin(), walker.x.end());
    walker.step_size = options_.hmc ? options_.hmc->step : options_.langevin.timestep;
    MoveScratch scratch;
    bool failed = false;
    for (std::size_t k = 0; k < moves_; ++k) {
      mover_->move(energy, std::span(&walker, 1), options_.seed, iteration * moves_ + k, scratch);
      state_.moved[w] += walker.acceptance / static_cast<double>(moves_);
      failed = failed || walker.status != EnergyStatus::ok;
    }
    if (!stand_in) {
      if (failed) state_.rejected[w] += 1;
      return;
    }
    const double now = excess(worker, walker);
    const double probability = acceptance_of(state_.excess[w] - now);
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

/// Whoever moves in none of the first blocks will not move at all.
void Umbrella::require_acceptance() const {
  for (std::size_t w = 0; w < options_.windows; ++w) {
    const double mean = state_.moved[w] / static_cast<double>(blocks_done());
    if (mean >= kLeastAcceptance) continue;
    throw NumericalError(
        "umbrella: window {} has accepted {:.2g} % of its moves in {} blocks, {} of which met a "
        "configuration "
        "without an energy: {}",
        w, 100 * mean, blocks_done(), state_.rejected[w],
        options_.hmc ? "the leapfrog steps are too long; lower surrogate.step"
                     : "the time step is too long; lower simulate.timestep_fs, or umbrella.record_every");
  }
}

void Umbrella::exchange(std::uint64_t iteration) {
  for (std::size_t k = iteration % 2; k + 1 < options_.windows; k += 2) {
    const DihedralRestraint here = bias_of(options_, k), there = bias_of(options_, k + 1);
    const double a = dihedral(state_.x[k], options_.atoms);
    const double b = dihedral(state_.x[k + 1], options_.atoms);
    const double gain = here.energy(a) + there.energy(b) - here.energy(b) - there.energy(a);
    const double probability = acceptance_of(gain);
    state_.accepted[k] += probability;
    state_.tried[k] += 1;
    Random random(options_.seed, Stream::exchange, iteration, k);
    if (!(random.uniform() < probability)) continue;
    std::swap_ranges(state_.x[k].begin(), state_.x[k].end(), state_.x[k + 1].begin());
    if (!state_.excess.empty()) std::swap(state_.excess[k], state_.excess[k + 1]);
  }
}

}  // namespace equibolt
