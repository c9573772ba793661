#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "core/threads.h"
#include "equibolt/configurations.h"
#include "equibolt/energy.h"
#include "simulate/chain_estimate.h"
#include "simulate/log_z.h"
#include "simulate/simulation.h"

namespace equibolt {

struct SimulationDiagnostics {
  std::size_t iterations = 0;  ///< in all, burn-in and pilot included
  std::size_t thinning = 0;    ///< iterations between samples
  std::vector<double> lambda, step_size,
      acceptance;                           // (K,); step and acceptance of a prior rung mean nothing
  std::vector<double> exchange_acceptance;  // (K−1,)
  std::vector<double> overlap;              // (K−1,), see LogZ, 0 where unknown; empty without a prior rung
  /// The sum of the rejections of exchanges, which hardly depends on the number of rungs; replicas travel
  /// best with about twice as many rungs (Syed et al. 2022).
  double barrier = 0;
  /// Configurations that came to the target from the last rung, per iteration and chain; a ladder of one rung
  /// has none.
  std::optional<double> renewal_rate;
  /// Of the recorded samples, and of every iteration of the pilot; in the order of `observables`.
  std::array<ChainEstimate, observables.size()> sampled, pilot;
};

/// How a target got on with the cheaper energy V whose ladder proposes its configurations.
struct TargetDiagnostics {
  double acceptance = 0;     ///< of exchanges with the first rung
  std::uint64_t asked = 0;   ///< evaluations of the target, each with its gradient
  std::uint64_t failed = 0;  ///< of them: those that gave no energy
  LogZ log_z;                ///< ln(Z_U/Z_V)
};

/// Equilibrium samples of exp(−U) in the mean-free subspace. Samples come first: an estimate that cannot be
/// had, since some energy is not finite or two rungs do not overlap, is NaN or missing, and takes nothing
/// else with it.
struct SimulationResult {
  Configurations<float> samples;   // (samples, N, D), mean-free; record by record, chains within
  std::vector<double> energy;      // (samples,): U in kT, before the rounding to float
  std::vector<std::size_t> chain;  // (samples,): which independent chain each is from
  ChainEstimate mean_energy;       ///< ⟨U⟩
  /// ln(Z_target/Z_prior) with the normalised prior. Needs Path::prior; none where rungs of the ladder do not
  /// overlap, and with an infinite error where some hardly do: see LogZ.
  std::optional<ChainEstimate> log_z;
  SimulationDiagnostics diagnostics;
  // Of a target above a cheaper energy's ladder, else empty:
  Configurations<float> gradient;  // (samples, N, D): ∇U, kT per length
  std::optional<TargetDiagnostics> target;
};

/// What a finished simulation has found.
SimulationResult result_of(const Simulation& simulation);

/// Runs a simulation from start to end, see Simulation. `progress`, unless empty, is told the share that is
/// done, often; it may throw to stop.
SimulationResult simulate(const Energy& prototype, const SimulateOptions& options, ThreadPool& pool,
                          const std::function<void(double)>& progress = {}, const Energy* target = nullptr);

}  // namespace equibolt
