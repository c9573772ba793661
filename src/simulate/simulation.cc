#include "simulate/simulation.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/geometry.h"
#include "core/random.h"
#include "core/stopwatch.h"
#include "equibolt/error.h"
#include "simulate/chain_estimate.h"
#include "simulate/hmc.h"
#include "simulate/relax.h"

namespace equibolt {
namespace {

constexpr std::uint64_t adapt_interval = 10;  ///< iterations between changes of the step sizes
constexpr double first_step_size = 0.05;

/// The rungs that move by trajectories: all but the prior itself, of which samples are drawn.
std::size_t moving_rungs(const SimulateOptions& options) {
  return has_prior(options) ? options.rungs - 1 : options.rungs;
}

void check(const SimulateOptions& options) {
  const auto positive = [](const char* name, std::size_t value) {
    if (value == 0) throw UsageError("simulate: expected {} >= 1, found 0", name);
  };
  positive("samples", options.samples);
  positive("chains", options.chains);
  positive("rungs", options.rungs);
  positive("leapfrog_steps", options.leapfrog_steps);
  positive("burn_in", options.burn_in);
  if (options.pilot < 100) {
    throw UsageError("simulate: expected pilot >= 100 iterations, found {}", options.pilot);
  }
  if (!(options.acceptance > 0 && options.acceptance < 1)) {
    throw UsageError("simulate: expected 0 < acceptance < 1, found {}", options.acceptance);
  }
  if (options.mover == MoverKind::langevin) check(options.langevin);
  if (options.path == Path::temperature && !(options.lowest_beta > 0 && options.lowest_beta < 1)) {
    throw UsageError("simulate: expected 0 < lowest_beta < 1, found {}", options.lowest_beta);
  }
}

std::unique_ptr<const Mover> make_mover(const SimulateOptions& options) {
  check(options);
  if (options.mover == MoverKind::hmc) return std::make_unique<HmcMover>(options.leapfrog_steps);
  auto mover = std::make_unique<LangevinMover>(options.leapfrog_steps, options.langevin);
  if (has_prior(options) && !mover->reaches_prior()) {
    throw UsageError(
        "simulate: Langevin dynamics has no ladder to the prior: set simulate.path = \"temperature\" or "
        "simulate.rungs = 1");
  }
  return mover;
}

std::vector<std::unique_ptr<Energy>> clones_of(const Energy* energy, std::size_t count) {
  std::vector<std::unique_ptr<Energy>> clones;
  for (std::size_t k = 0; energy != nullptr && k < count; ++k) clones.push_back(energy->clone());
  return clones;
}

}  // namespace

std::uint64_t gradient_evaluations(const SimulateOptions& options, std::uint64_t iterations) {
  const std::size_t moving = moving_rungs(options), drawn = options.rungs - moving;
  return iterations * options.chains * (moving * options.leapfrog_steps + drawn);
}

std::array<double, observables.size()> observe(std::span<const double> x, std::size_t dim, double energy) {
  const std::size_t particles = x.size() / dim;
  double distances = 0;
  for (std::size_t i = 0; i < x.size(); i += dim) {
    for (std::size_t j = i + dim; j < x.size(); j += dim) {
      double square = 0;
      for (std::size_t k = 0; k < dim; ++k) square += (x[i + k] - x[j + k]) * (x[i + k] - x[j + k]);
      distances += std::sqrt(square);
    }
  }
  const auto n = static_cast<double>(particles);
  return {energy, distances / (n * (n - 1) / 2), std::sqrt(2 * half_square(x) / n)};
}

Simulation::Simulation(const Energy& prototype, const SimulateOptions& options, ThreadPool& pool,
                       const Energy* target)
    : options_(options),
      mover_(make_mover(options)),
      pool_(pool),
      energy_(prototype, pool),
      targets_(clones_of(target, pool.size())),
      particles_(prototype.particles()),
      dim_(prototype.dim()) {
  start();
}

Simulation::Simulation(const Energy& prototype, const SimulateOptions& options, ThreadPool& pool,
                       SimulationState state, const Energy* target)
    : options_(options),
      mover_(make_mover(options)),
      pool_(pool),
      energy_(prototype, pool),
      targets_(clones_of(target, pool.size())),
      particles_(prototype.particles()),
      dim_(prototype.dim()),
      state_(std::move(state)) {
  check_state();
}

void Simulation::check_state() const {
  const std::size_t chains = options_.chains;
  const std::size_t rungs = options_.rungs;
  // States of format 1 do not say how they were made; those of Langevin dynamics were too hot.
  const bool same = state_.mover == mover_->name() || (state_.mover.empty() && mover_->adapts_steps());
  if (!same) {
    throw DataError(
        "the saved simulation was made by other dynamics ({}; now {}), and both in one would be wrong: "
        "remove "
        "the run's folder simulation/ to begin again",
        state_.mover.empty() ? "Langevin dynamics of an earlier version" : state_.mover, mover_->name());
  }
  const auto expect = [](const char* name, std::size_t expected, std::size_t found) {
    if (expected != found) {
      throw DataError("the saved simulation is of another system or other options: {}: expected {}, found {}",
                      name, expected, found);
    }
  };
  for (const auto* x : {&state_.x, &state_.gradient}) {
    expect("walkers", walkers(), x->count());
    expect("particles", particles_, x->particles());
    expect("dimensions", dim_, x->dim());
  }
  expect("lambda", rungs, state_.lambda.size());
  expect("step_size", rungs, state_.step_size.size());
  for (const auto* values : {&state_.energy, &state_.renewed, &state_.acceptance}) {
    expect("energy, renewed and acceptance", walkers(), values->size());
  }
  expect("exchange", chains * (rungs - 1), state_.exchange.size());
  expect("exchange_tries", chains * (rungs - 1), state_.exchange_tries.size());
  expect("renewals", chains, state_.renewals.size());
  const std::uint64_t piloted =
      std::clamp<std::uint64_t>(state_.iteration, options_.burn_in, production_start());
  const bool piloting =
      state_.ready > 0 && state_.iteration >= options_.burn_in && state_.iteration < production_start();
  expect("pilot", (piloted - options_.burn_in + (piloting ? 1 : 0)) * chains * observables.size(),
         state_.pilot.size());
  if (state_.ready >= chains || state_.ready % mover_->chains_per_batch(rungs) != 0) {
    throw DataError("the saved simulation has {} chains ahead of {}", state_.ready, chains);
  }
  expect("sample_energy", records() * walkers(), state_.sample_energy.size());
  if (state_.iteration >= production_start() && state_.thinning == 0) {
    throw DataError("the saved simulation has come to iteration {} without a thinning", state_.iteration);
  }
  expect("samples", records() * chains * particles_ * dim_, state_.samples.size());
  expect("sample_half_square", records() * chains * rungs, state_.sample_half_square.size());
  const std::size_t targets = has_target() ? chains : 0;
  expect("target", targets, state_.target.energy.size());
  for (const auto* x : {&state_.target.x, &state_.target.gradient, &state_.target.cheap_gradient,
                        &state_.target.asked_gradient}) {
    expect("configurations of the target", targets * particles_ * dim_, x->values().size());
  }
  for (const auto* values :
       {&state_.target.cheap_energy, &state_.target.asked_energy, &state_.target.asked_cheap,
        &state_.target.acceptance, &state_.target.tries, &state_.target.asked, &state_.target.failed}) {
    expect("values of the target", targets, values->size());
  }
  expect("sample_target", records() * targets * 2, state_.sample_target.size());
  expect("sample_cheap", records() * targets, state_.sample_cheap.size());
  expect("sample_gradient", records() * targets * particles_ * dim_, state_.sample_gradient.size());
}

std::size_t Simulation::records_wanted() const {
  constexpr std::size_t least = 8;  // for the statistics of a chain
  return std::max(least, (options_.samples + options_.chains - 1) / options_.chains);
}

std::size_t Simulation::records() const {
  return state_.sample_energy.size() / walkers();
}

bool Simulation::finished() const {
  return records() >= records_wanted();
}

double Simulation::progress() const {
  constexpr double guess = 10;
  const double thinning = state_.thinning > 0     ? static_cast<double>(state_.thinning)
                          : options_.thinning > 0 ? static_cast<double>(options_.thinning)
                                                  : guess;
  const double total =
      static_cast<double>(production_start()) + static_cast<double>(records_wanted()) * thinning;
  return std::min(1.0, static_cast<double>(state_.iteration) / total);
}

void Simulation::start() {
  const std::size_t rungs = options_.rungs;
  const double lowest = rungs == 1 ? 1.0 : options_.path == Path::prior ? 0.0 : options_.lowest_beta;
  state_.lambda = initial_ladder(rungs, lowest);
  state_.step_size.assign(rungs, first_step_size);
  state_.x = state_.gradient = Configurations<double>(walkers(), particles_, dim_);
  state_.energy.assign(walkers(), 0);
  state_.renewed.assign(walkers(), 0);
  state_.mover = mover_->name();
  if (has_target()) state_.target = start_target_chains(options_.chains, *targets_.front());
  reset_sums();
  if (!options_.start.empty()) return start_from_configuration();
  constexpr std::size_t batch = 32;
  pool_.for_chunks(walkers(), batch, [&](const ThreadPool::Chunk& chunk) {
    const auto x = state_.x.view().slice(chunk.first, chunk.count);
    for (std::size_t w = 0; w < chunk.count; ++w) {
      Random random(options_.seed, Stream::walkers, 0, chunk.first + w);
      mean_free_normal(random, x[w], dim_);
    }
    relax(energy_.of_worker(chunk.worker), x, std::span(state_.energy).subspan(chunk.first, chunk.count),
          state_.gradient.view().slice(chunk.first, chunk.count));
  });
}

void Simulation::start_from_configuration() {
  if (options_.start.size() != particles_ * dim_) {
    throw UsageError("simulate: the start has {} coordinates, the system {}", options_.start.size(),
                     particles_ * dim_);
  }
  for (std::size_t w = 0; w < walkers(); ++w) {
    std::copy(options_.start.begin(), options_.start.end(), state_.x[w].begin());
    remove_mean(state_.x[w], dim_);
  }
  std::vector<EnergyStatus> status(1);
  energy_.of_worker(0).evaluate(state_.x.view().slice(0, 1), std::span(state_.energy).first(1),
                                state_.gradient.view().slice(0, 1), status);
  if (status[0] != EnergyStatus::ok) throw NumericalError("simulate: the start has no finite energy");
  for (std::size_t w = 1; w < walkers(); ++w) {
    state_.energy[w] = state_.energy[0];
    std::copy(state_.gradient[0].begin(), state_.gradient[0].end(), state_.gradient[w].begin());
  }
}

/// Until here nothing but the start is forgotten: as long as the first round of the ladder's adaptation.
std::uint64_t Simulation::settling_end() const {
  return (options_.burn_in + 15) / 16;
}

/// The target's chains begin in the last part of burn-in, so that in the pilot all have had an energy.
std::uint64_t Simulation::first_exchange() const {
  return options_.burn_in - (options_.burn_in + 15) / 16;
}

/// The next iteration after which something is done with all chains.
std::uint64_t Simulation::block_end() const {
  const std::uint64_t now = state_.iteration;
  if (now < options_.burn_in) {
    return std::min<std::uint64_t>((now / adapt_interval + 1) * adapt_interval, options_.burn_in);
  }
  if (now < production_start()) return production_start();
  return production_start() + (records() + 1) * state_.thinning;
}

void Simulation::advance(double seconds) {
  const Stopwatch watch;
  while (!finished()) {
    advance_once(seconds - watch.seconds());
    if (!(watch.seconds() < seconds)) break;
  }
}

/// As many whole iterations of all chains as there is time for; or, where there is not, one of some chains.
void Simulation::advance_once(double seconds) {
  const std::uint64_t block = block_end();
  const std::size_t group = mover_->chains_per_batch(options_.rungs);
  const bool whole = state_.ready == 0 && iteration_seconds_ > 0 && iteration_seconds_ <= seconds;
  const auto first = static_cast<std::size_t>(state_.ready);
  const std::size_t chains =
      whole ? options_.chains : std::min(options_.chains - first, group * pool_.size());
  const std::uint64_t iterations =
      whole ? static_cast<std::uint64_t>(std::clamp(seconds / iteration_seconds_, 1.0,
                                                    static_cast<double>(block - state_.iteration)))
            : 1;
  const std::uint64_t end = state_.iteration + iterations;
  if (end > options_.burn_in && end <= production_start()) {
    state_.pilot.resize((end - options_.burn_in) * options_.chains * observables.size());
  }
  const Stopwatch watch;
  pool_.for_chunks(chains, group, [&](const ThreadPool::Chunk& chunk) {
    run_chains(first + chunk.first, chunk.count, end, chunk.worker);
  });
  iteration_seconds_ = std::max(1e-9, watch.seconds() * static_cast<double>(options_.chains) /
                                          static_cast<double>(chains * iterations));
  state_.ready = first + chains;
  if (state_.ready < options_.chains) return;
  state_.ready = 0;
  state_.iteration = end;
  state_.moves += iterations;
  if (end == block) end_block();
}

void Simulation::end_block() {
  const std::uint64_t end = state_.iteration;
  if (end <= options_.burn_in) {
    const std::uint64_t begin = end - state_.moves;
    if (begin >= settling_end()) require_acceptance();
    adapt_steps();
    // Each round of the ladder's adaptation is as long as all before it; the first is for forgetting the
    // start.
    for (const std::uint64_t part : {16, 8, 4, 2, 1}) {
      const std::uint64_t round = options_.burn_in / part;
      if (begin < round && round <= end) adapt_ladder();
    }
    if (end == options_.burn_in) reset_sums();
  } else if (end == production_start()) {
    require_acceptance();
    require_exchanges();
    measure_thinning();
  } else {
    record();
  }
}

void Simulation::run_chains(std::size_t first, std::size_t count, std::uint64_t end, std::size_t worker) {
  const std::size_t rungs = options_.rungs;
  const std::size_t moving = moving_rungs(options_);
  const bool draws = moving < rungs;
  Energy& energy = energy_.of_worker(worker);
  MoveScratch scratch;
  std::vector<Walker> movers;
  std::vector<std::size_t> indices;
  for (std::size_t c = first; c < first + count; ++c) {
    for (std::size_t k = 0; k < moving; ++k) {
      const std::size_t w = c * rungs + k;
      indices.push_back(w);
      movers.push_back({.id = w,
                        .rung = rung_at(options_.path, state_.lambda[k]),
                        .step_size = mover_->step_size(state_.step_size[k], state_.lambda[k]),
                        .x = state_.x[w],
                        .gradient = state_.gradient[w],
                        .energy = &state_.energy[w]});
    }
  }
  Configurations<double> drawn(draws ? count : 0, particles_, dim_);
  Configurations<double> drawn_gradient = drawn;
  std::vector<double> drawn_energy(drawn.count());
  std::vector<EnergyStatus> status(drawn.count());

  for (std::uint64_t iteration = state_.iteration; iteration < end; ++iteration) {
    if (iteration < settling_end()) {
      mover_->settle(energy, movers, options_.seed, iteration, scratch);
      if (!mover_->adapts_steps()) require_finite(movers, iteration);
    } else {
      mover_->move(energy, movers, options_.seed, iteration, scratch);
    }
    for (std::size_t m = 0; m < movers.size(); ++m) state_.acceptance[indices[m]] += movers[m].acceptance;

    for (std::size_t c = 0; c < drawn.count(); ++c) {
      Random random(options_.seed, Stream::walkers, iteration + 1, first + c);
      mean_free_normal(random, drawn[c], dim_);
    }
    if (draws) energy.evaluate(drawn, drawn_energy, drawn_gradient, status);
    for (std::size_t c = 0; c < drawn.count(); ++c) {
      const std::size_t w = (first + c) * rungs + rungs - 1;
      std::copy(drawn[c].begin(), drawn[c].end(), state_.x[w].begin());
      std::copy(drawn_gradient[c].begin(), drawn_gradient[c].end(), state_.gradient[w].begin());
      state_.energy[w] = drawn_energy[c];
      state_.acceptance[w] += 1;
    }

    for (std::size_t c = first; c < first + count; ++c) {
      exchange(c, iteration);
      if (has_target() && iteration >= first_exchange()) {
        exchange_with_target(state_.target, c, *targets_[worker], first_rung(c), options_.seed, iteration);
      }
      if (iteration < options_.burn_in || iteration >= production_start()) continue;
      const auto [x, value] = observed(c);
      const auto values = observe(x, dim_, value);
      const std::size_t row = (iteration - options_.burn_in) * options_.chains + c;
      std::copy(values.begin(), values.end(), &state_.pilot[row * observables.size()]);
    }
  }
}

FirstRung Simulation::first_rung(std::size_t chain) {
  const std::size_t w = chain * options_.rungs;
  return {state_.x[w], state_.gradient[w], &state_.energy[w]};
}

Simulation::Observed Simulation::observed(std::size_t chain) const {
  if (has_target()) return {state_.target.x[chain], state_.target.energy[chain]};
  const std::size_t w = chain * options_.rungs;
  return {state_.x[w], state_.energy[w]};
}

void Simulation::exchange(std::size_t chain, std::uint64_t iteration) {
  const std::size_t rungs = options_.rungs;
  const std::size_t base = chain * rungs;
  if (rungs == 1) return;
  state_.renewed[base + rungs - 1] = 1;
  Random random(options_.seed, Stream::exchange, iteration, chain);
  // Even and odd pairs of neighbours in turn, which carries configurations along the ladder faster than
  // choosing pairs at random.
  for (std::size_t k = iteration % 2; k + 1 < rungs; k += 2) {
    const std::size_t a = base + k;
    const std::size_t b = a + 1;
    const Rung rung_a = rung_at(options_.path, state_.lambda[k]);
    const Rung rung_b = rung_at(options_.path, state_.lambda[k + 1]);
    const double square_a = half_square(state_.x[a]);
    const double square_b = half_square(state_.x[b]);
    const double gain = reduced_energy(rung_a, state_.energy[a], square_a) +
                        reduced_energy(rung_b, state_.energy[b], square_b) -
                        reduced_energy(rung_a, state_.energy[b], square_b) -
                        reduced_energy(rung_b, state_.energy[a], square_a);
    const double probability = acceptance_of(gain);
    const std::size_t interface = chain * (rungs - 1) + k;
    state_.exchange[interface] += probability;
    state_.exchange_tries[interface] += 1;
    if (!(random.uniform() < probability)) continue;
    std::swap_ranges(state_.x[a].begin(), state_.x[a].end(), state_.x[b].begin());
    std::swap_ranges(state_.gradient[a].begin(), state_.gradient[a].end(), state_.gradient[b].begin());
    std::swap(state_.energy[a], state_.energy[b]);
    std::swap(state_.renewed[a], state_.renewed[b]);
  }
  state_.renewals[chain] += state_.renewed[base];
  state_.renewed[base] = 0;
}

/// While a simulation settles, no block is rejected for its energy, and one that leaves the finite numbers
/// says that all later ones would be.
void Simulation::require_finite(std::span<const Walker> walkers, std::uint64_t iteration) const {
  for (const Walker& walker : walkers) {
    if (walker.status != EnergyStatus::not_finite) continue;
    throw NumericalError(
        "simulate: the energy is no longer finite in iteration {}, chain {}, rung {}: the time step is too "
        "long for these masses; lower simulate.timestep_fs",
        iteration, walker.id / options_.rungs, walker.id % options_.rungs);
  }
}

/// Steps of a fixed length may be too long for any block to be accepted; the chains would stand still.
void Simulation::require_acceptance() const {
  if (mover_->adapts_steps()) return;
  constexpr double least = 0.01;
  for (std::size_t k = 0; k < options_.rungs; ++k) {
    const double mean = mean_acceptance(k);
    if (mean >= least) continue;
    throw NumericalError(
        "simulate: {:.2g} % of the blocks of dynamics on rung {} are accepted up to iteration {}: the time "
        "step is too long; lower simulate.timestep_fs, or simulate.leapfrog_steps",
        100 * mean, k, state_.iteration);
  }
}

/// A cheaper energy that is too different leaves the target's chains where they are.
void Simulation::require_exchanges() const {
  if (!has_target()) return;
  constexpr double least = 0.01;
  double acceptance = 0, tries = 0, asked = 0, failed = 0;
  for (std::size_t c = 0; c < options_.chains; ++c) {
    acceptance += state_.target.acceptance[c];
    tries += state_.target.tries[c];
    asked += state_.target.asked[c];
    failed += state_.target.failed[c];
  }
  if (acceptance >= least * tries) return;
  throw NumericalError(
      "simulate: the target accepts {:.2g} % of what its surrogate proposes, and has no energy for {:.0f} of "
      "{:.0f} configurations: make a better surrogate, with more surrogate.rounds",
      100 * acceptance / tries, failed, asked);
}

/// Of a rung's moves since the sums were last reset.
double Simulation::mean_acceptance(std::size_t rung) const {
  double sum = 0;
  for (std::size_t c = 0; c < options_.chains; ++c) sum += state_.acceptance[c * options_.rungs + rung];
  return sum / static_cast<double>(options_.chains * state_.moves);
}

void Simulation::adapt_steps() {
  const std::size_t adapting = mover_->adapts_steps() ? moving_rungs(options_) : 0;
  for (std::size_t k = 0; k < adapting; ++k) {
    state_.step_size[k] *= std::exp(mean_acceptance(k) - options_.acceptance);
  }
  std::fill(state_.acceptance.begin(), state_.acceptance.end(), 0.0);
  state_.moves = 0;
}

void Simulation::adapt_ladder() {
  const std::size_t interfaces = options_.rungs - 1;
  std::vector<double> rejection(interfaces);
  for (std::size_t k = 0; k < interfaces; ++k) {
    double sum = 0;
    double tries = 0;
    for (std::size_t c = 0; c < options_.chains; ++c) {
      sum += state_.exchange[c * interfaces + k];
      tries += state_.exchange_tries[c * interfaces + k];
    }
    rejection[k] = tries > 0 ? 1 - sum / tries : 1.0;
  }
  if (interfaces > 0) state_.lambda = even_ladder(state_.lambda, rejection);
  reset_sums();
}

void Simulation::reset_sums() {
  const std::size_t interfaces = options_.chains * (options_.rungs - 1);
  state_.acceptance.assign(walkers(), 0);
  state_.exchange.assign(interfaces, 0);
  state_.exchange_tries.assign(interfaces, 0);
  state_.renewals.assign(options_.chains, 0);
  state_.moves = 0;
}

void Simulation::measure_thinning() {
  state_.thinning = options_.thinning;
  if (options_.thinning > 0) return;
  for (std::size_t row = 0; row < state_.pilot.size() / observables.size(); ++row) {
    const double energy = state_.pilot[row * observables.size()];
    if (std::isfinite(energy)) continue;
    throw NumericalError(
        "simulate: chain {} still has no finite energy in iteration {} (found {}): either it began where "
        "there "
        "is none and no move has led away, or the energy is wrong",
        row % options_.chains, options_.burn_in + row / options_.chains, energy);
  }
  double longest = 1;
  for (std::size_t o = 0; o < observables.size(); ++o) {
    const auto chains = series_of(state_.pilot, options_.chains, observables.size(), o);
    longest = std::max(longest, estimate_of(chains).autocorrelation_time);
  }
  state_.thinning = static_cast<std::uint64_t>(std::ceil(longest));
}

void Simulation::record() {
  const std::size_t rungs = options_.rungs;
  std::vector<double> x(particles_ * dim_);
  for (std::size_t c = 0; c < options_.chains; ++c) {
    std::ranges::copy(observed(c).x, x.begin());
    remove_mean(std::span(x), dim_);
    for (const double value : x) state_.samples.push_back(static_cast<float>(value));
    if (has_target()) {
      state_.sample_target.push_back(state_.target.energy[c]);
      state_.sample_target.push_back(state_.target.asked_energy[c]);
      state_.sample_cheap.push_back(state_.target.cheap_energy[c]);
      for (const double value : state_.target.gradient[c])
        state_.sample_gradient.push_back(static_cast<float>(value));
    }
    for (std::size_t k = 0; k < rungs; ++k) {
      state_.sample_energy.push_back(state_.energy[c * rungs + k]);
      state_.sample_half_square.push_back(half_square(state_.x[c * rungs + k]));
    }
  }
}

}  // namespace equibolt
