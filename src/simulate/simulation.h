#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/threads.h"
#include "equibolt/configurations.h"
#include "simulate/ladder.h"
#include "simulate/langevin.h"
#include "simulate/mover.h"
#include "simulate/simulation_state.h"
#include "simulate/target_chains.h"
#include "system/parallel_energy.h"

namespace equibolt {

/// How the chains of a rung move.
enum class MoverKind { hmc, langevin };

struct SimulateOptions {
  MoverKind mover = MoverKind::hmc;
  LangevinOptions langevin = {};   ///< of MoverKind::langevin
  std::vector<double> start = {};  ///< (N, D): where all chains begin; empty: at random, relaxed
  std::size_t samples = 100000;    ///< wanted in all
  std::size_t chains = 32;         ///< independent ones, each with its whole ladder
  std::size_t rungs = 10;          ///< of the ladder; 1 is plain Hamiltonian Monte Carlo
  Path path = Path::prior;
  double lowest_beta = 0.1;         ///< the hot end of Path::temperature
  std::size_t leapfrog_steps = 32;  ///< of one trajectory; of one iteration of Langevin dynamics
  double acceptance = 0.8;          ///< that the step sizes are adapted to
  std::size_t burn_in = 1600;       ///< iterations; steps and ladder adapt in these alone
  std::size_t pilot = 1600;         ///< iterations after it that measure autocorrelation times
  std::size_t thinning = 0;         ///< iterations between samples; 0: the longest autocorrelation time
  std::uint64_t seed = 0;
};

/// Whether the last rung is the prior, which makes log Z known.
inline bool has_prior(const SimulateOptions& options) {
  return options.rungs > 1 && options.path == Path::prior;
}

/// How often the energy and its gradient are evaluated in so many iterations of all chains and rungs; without
/// the relaxation before the first.
std::uint64_t gradient_evaluations(const SimulateOptions& options, std::uint64_t iterations);

/// What is watched along the target's chains.
inline constexpr std::array<std::string_view, 3> observables = {"energy", "mean_pair_distance",
                                                                "gyration_radius"};
/// The values for one configuration x (N, D), in that order.
std::array<double, observables.size()> observe(std::span<const double> x, std::size_t dim, double energy);

/// Replica exchange with Hamiltonian Monte Carlo, or metropolised Langevin dynamics, on every rung of a
/// ladder, many independent chains of it at once. Burn-in settles and adapts, a pilot measures
/// autocorrelation times, and then the chains are recorded every `thinning` iterations. Results do not depend
/// on the number of threads, on how often the simulation was stopped and resumed, nor, for the samples they
/// share, on the number of samples wanted.
class Simulation {
 public:
  /// Starts afresh. The pool must outlive this object. With a `target` besides, `prototype` is a cheaper
  /// energy in its stead: the ladder is of that, and the samples are the target's, by exchange with the
  /// first rung (target_chains.h). Throws UsageError for options without sense.
  Simulation(const Energy& prototype, const SimulateOptions& options, ThreadPool& pool,
             const Energy* target = nullptr);
  /// Goes on from a state of the same system and options; DataError if its shapes tell otherwise.
  Simulation(const Energy& prototype, const SimulateOptions& options, ThreadPool& pool, SimulationState state,
             const Energy* target = nullptr);

  const SimulationState& state() const { return state_; }
  const SimulateOptions& options() const { return options_; }
  bool finished() const;
  /// The share that is done; a guess until thinning is known.
  double progress() const;
  /// Goes on for about `seconds`, but never for less than an iteration of some chains. How it is divided
  /// changes no bit. Throws NumericalError where the time step of Langevin dynamics is too long.
  void advance(double seconds = 1);

 private:
  /// A configuration whose values are recorded, and its energy.
  struct Observed {
    std::span<const double> x;
    double energy;
  };

  std::size_t walkers() const { return options_.chains * options_.rungs; }
  bool has_target() const { return !targets_.empty(); }
  Observed observed(std::size_t chain) const;
  std::size_t records_wanted() const;
  std::size_t records() const;
  std::uint64_t production_start() const { return options_.burn_in + options_.pilot; }
  std::uint64_t settling_end() const;
  std::uint64_t first_exchange() const;
  std::uint64_t block_end() const;
  void check_state() const;
  void start();
  void start_from_configuration();
  void advance_once(double seconds);
  void end_block();
  void run_chains(std::size_t first, std::size_t count, std::uint64_t end, std::size_t worker);
  void require_finite(std::span<const Walker> walkers, std::uint64_t iteration) const;
  void exchange(std::size_t chain, std::uint64_t iteration);
  FirstRung first_rung(std::size_t chain);
  void require_acceptance() const;
  void require_exchanges() const;
  double mean_acceptance(std::size_t rung) const;
  void adapt_steps();
  void adapt_ladder();
  void reset_sums();
  void measure_thinning();
  void record();

  SimulateOptions options_;
  std::unique_ptr<const Mover> mover_;
  ThreadPool& pool_;
  ParallelEnergy energy_;
  std::vector<std::unique_ptr<Energy>> targets_;  // one for each worker, or none
  std::size_t particles_;
  std::size_t dim_;
  SimulationState state_;
  double iteration_seconds_ = 0;  ///< that one iteration of all chains takes; 0 until it has been measured
};

}  // namespace equibolt
