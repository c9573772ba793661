#include "simulate/simulate.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "simulate/log_z.h"

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

  const std::size_t walkers = chains * rungs;
  const std::size_t coordinates = state.x.coordinates();
  std::vector<double> watched;  // (records, C, observables)
  std::vector<double> x(coordinates);
  for (std::size_t sample = 0; sample * coordinates < state.samples.size(); ++sample) {
    std::copy_n(&state.samples[sample * coordinates], coordinates, x.begin());
    const std::size_t record = sample / chains;
    const auto values =
        observe(x, state.x.dim(), state.sample_energy[record * walkers + sample % chains * rungs]);
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
  for (std::size_t sample = 0; sample < options.samples; ++sample) {
    result.energy.push_back(state.sample_energy[sample * options.rungs]);
    result.chain.push_back(sample % options.chains);
  }
  result.diagnostics = diagnostics_of(state, options);
  result.mean_energy = result.diagnostics.sampled[0];
  if (has_prior(options)) {
    std::vector<Rung> rungs;
    for (const double lambda : state.lambda) rungs.push_back(rung_at(options.path, lambda));
    LogZ log_z = log_z_of(rungs, state.sample_energy, state.sample_half_square, options.chains);
    result.log_z = std::move(log_z.log_z);
    result.diagnostics.overlap = std::move(log_z.overlap);
  }
  return result;
}

SimulationResult simulate(const Energy& prototype, const SimulateOptions& options, ThreadPool& pool,
                          const std::function<void(double)>& progress) {
  Simulation simulation(prototype, options, pool);
  while (!simulation.finished()) {
    simulation.advance();
    if (progress) progress(simulation.progress());
  }
  return result_of(simulation);
}

}  // namespace equibolt
