#include "simulate/simulate.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace equibolt {
namespace {

/// NaN where some number is not finite.
ChainEstimate estimate_or_nan(const std::vector<std::vector<double>>& chains) {
  for (const auto& chain : chains) {
    for (const double value : chain) {
      if (std::isfinite(value)) continue;
      constexpr double nan = std::numeric_limits<double>::quiet_NaN();
      return {.estimate = {nan, nan},
              .chain_error = nan,
              .autocorrelation_time = nan,
              .effective_samples = nan,
              .r_hat = nan};
    }
  }
  return estimate_of(chains);
}

/// U of each recorded sample, (records, C).
std::vector<double> sample_energies(const SimulationState& state, const SimulateOptions& options) {
  const bool of_target = !state.target.empty();
  const std::vector<double>& recorded = of_target ? state.sample_target : state.sample_energy;
  const std::size_t stride = of_target ? 2 : options.rungs;
  std::vector<double> energies;
  for (std::size_t k = 0; k < recorded.size(); k += stride) energies.push_back(recorded[k]);
  return energies;
}

/// The target U above the ladder, whose first rung samples V.
Neighbours target_and_first_rung(const SimulationState& state, const SimulateOptions& options) {
  Neighbours pair;
  for (std::size_t k = 0; k < state.sample_cheap.size(); ++k) {
    pair.forward.push_back(state.sample_target[2 * k + 1] - state.sample_energy[k * options.rungs]);
    pair.reverse.push_back(state.sample_cheap[k] - state.sample_target[2 * k]);
  }
  return pair;
}

TargetDiagnostics target_diagnostics(const TargetChains& target, const Neighbours& pair) {
  const auto sum = [](const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
  };
  return {.acceptance = sum(target.acceptance) / sum(target.tries),
          .asked = static_cast<std::uint64_t>(sum(target.asked)),
          .failed = static_cast<std::uint64_t>(sum(target.failed)),
          .log_z = log_z_of(std::span(&pair, 1), target.energy.size())};
}

SimulationDiagnostics diagnostics_of(const SimulationState& state, const SimulateOptions& options) {
  const std::size_t rungs = options.rungs;
  const std::size_t chains = options.chains;
  SimulationDiagnostics diagnostics;
  diagnostics.iterations = state.iteration;
  diagnostics.thinning = state.thinning;
  diagnostics.lambda = state.lambda;
  diagnostics.step_size = state.step_size;
  diagnostics.acceptance.assign(rungs, 0.0);
  diagnostics.exchange_acceptance.assign(rungs - 1, 0.0);
  const auto chain_moves = static_cast<double>(chains * state.moves);
  for (std::size_t w = 0; w < state.acceptance.size(); ++w) {
    diagnostics.acceptance[w % rungs] += state.acceptance[w] / chain_moves;
  }
  std::vector<double> tries(rungs - 1, 0.0);
  for (std::size_t k = 0; k < state.exchange.size(); ++k) {
    diagnostics.exchange_acceptance[k % (rungs - 1)] += state.exchange[k];
    tries[k % (rungs - 1)] += state.exchange_tries[k];
  }
  for (std::size_t k = 0; k + 1 < rungs; ++k) {
    diagnostics.exchange_acceptance[k] /= tries[k];
    diagnostics.barrier += 1 - diagnostics.exchange_acceptance[k];
  }
  if (rungs > 1) {
    const double renewals = std::accumulate(state.renewals.begin(), state.renewals.end(), 0.0);
    diagnostics.renewal_rate = renewals / chain_moves;
  }

  const std::size_t coordinates = state.x.coordinates();
  const std::vector<double> energies = sample_energies(state, options);
  std::vector<double> watched;  // (records, C, observables)
  std::vector<double> x(coordinates);
  for (std::size_t sample = 0; sample * coordinates < state.samples.size(); ++sample) {
    std::copy_n(&state.samples[sample * coordinates], coordinates, x.begin());
    const auto values = observe(x, state.x.dim(), energies[sample]);
    watched.insert(watched.end(), values.begin(), values.end());
  }
  for (std::size_t o = 0; o < observables.size(); ++o) {
    diagnostics.sampled[o] = estimate_or_nan(series_of(watched, chains, observables.size(), o));
    diagnostics.pilot[o] = estimate_or_nan(series_of(state.pilot, chains, observables.size(), o));
  }
  return diagnostics;
}

}  // namespace

SimulationResult result_of(const Simulation& simulation) {
  assert(simulation.finished());
  const SimulationState& state = simulation.state();
  const SimulateOptions& options = simulation.options();
  SimulationResult result;
  result.samples = Configurations<float>(options.samples, state.x.particles(), state.x.dim());
  std::copy_n(state.samples.begin(), result.samples.size(), result.samples.data());
  result.energy = sample_energies(state, options);
  result.energy.resize(options.samples);
  for (std::size_t sample = 0; sample < options.samples; ++sample)
    result.chain.push_back(sample % options.chains);
  result.diagnostics = diagnostics_of(state, options);
  result.mean_energy = result.diagnostics.sampled[0];
  std::vector<Neighbours> pairs;
  if (!state.target.empty()) {
    result.gradient = Configurations<float>(options.samples, state.x.particles(), state.x.dim());
    std::copy_n(state.sample_gradient.begin(), result.gradient.size(), result.gradient.data());
    pairs.push_back(target_and_first_rung(state, options));
    result.target = target_diagnostics(state.target, pairs.front());
  }
  if (has_prior(options)) {
    std::vector<Rung> rungs;
    for (const double lambda : state.lambda) rungs.push_back(rung_at(options.path, lambda));
    for (Neighbours& pair : ladder_neighbours(rungs, state.sample_energy, state.sample_half_square))
      pairs.push_back(std::move(pair));
    LogZ log_z = log_z_of(pairs, options.chains);
    result.log_z = std::move(log_z.log_z);
    result.diagnostics.overlap = std::move(log_z.overlap);
    // That of the target is among its own diagnostics.
    if (result.target) result.diagnostics.overlap.erase(result.diagnostics.overlap.begin());
  }
  return result;
}

SimulationResult simulate(const Energy& prototype, const SimulateOptions& options, ThreadPool& pool,
                          const std::function<void(double)>& progress, const Energy* target) {
  Simulation simulation(prototype, options, pool, target);
  while (!simulation.finished()) {
    simulation.advance();
    if (progress) progress(simulation.progress());
  }
  return result_of(simulation);
}

}  // namespace equibolt
