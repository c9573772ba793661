#include "runs/simulation_time.h"

#include <algorithm>

#include "core/stopwatch.h"
#include "system/parallel_energy.h"

namespace equibolt {
namespace {

constexpr std::uint64_t kGuess = 10;  // LJ13 keeps one iteration in 6, DW4 one in 20

/// Seconds of one evaluation of the target in each chain, where it begins.
double seconds_of_exchanges(const Energy& target, const SimulateOptions& options, ThreadPool& pool,
                            double trial_seconds) {
  ParallelEnergy energy(target, pool);
  Configurations<double> x(options.chains, target.particles(), target.dim()), gradient = x;
  for (std::size_t c = 0; c < options.chains && !options.start.empty(); ++c)
    std::ranges::copy(options.start, x[c].begin());
  std::vector<double> value(options.chains);
  std::vector<EnergyStatus> status(options.chains);
  const Stopwatch watch;
  double rounds = 0;
  do {
    energy.evaluate(x, value, gradient, status);
    rounds += 1;
  } while (watch.seconds() < trial_seconds);
  return watch.seconds() / rounds;
}

}  // namespace

SimulationTime simulation_time(const Energy& energy, const SimulateOptions& options, ThreadPool& pool,
                               double trial_seconds, const Energy* target) {
  Simulation trial(energy, options, pool);
  const Stopwatch since_start;
  trial.advance();
  double seconds = since_start.seconds();
  std::uint64_t iterations = trial.state().iteration;
  const std::uint64_t first_block = iterations;
  const Stopwatch after_first;
  while (!trial.finished() && since_start.seconds() < trial_seconds) {
    trial.advance();
    seconds = after_first.seconds();
    iterations = trial.state().iteration - first_block;
  }
  SimulationTime time{.thinning = trial.state().thinning};
  if (time.thinning == 0) time.thinning = options.thinning;
  if (time.thinning == 0) {
    time.thinning = kGuess;
    time.thinning_known = false;
  }
  const double per_iteration = seconds / static_cast<double>(std::max<std::uint64_t>(iterations, 1));
  const std::uint64_t records = (options.samples + options.chains - 1) / options.chains;
  const auto after_burn_in = static_cast<double>(options.pilot + records * time.thinning);
  time.seconds = per_iteration * (static_cast<double>(options.burn_in) + after_burn_in);
  if (target != nullptr)
    time.seconds += after_burn_in * seconds_of_exchanges(*target, options, pool, trial_seconds / 3);
  return time;
}

}  // namespace equibolt
