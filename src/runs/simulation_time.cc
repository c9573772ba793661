#include "runs/simulation_time.h"

#include <algorithm>

#include "core/stopwatch.h"

namespace equibolt {
namespace {

constexpr std::uint64_t kGuess = 10;  // LJ13 keeps one iteration in 6, DW4 one in 20

}  // namespace

SimulationTime simulation_time(const Energy& energy, const SimulateOptions& options, ThreadPool& pool,
                               double trial_seconds) {
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
  time.seconds =
      per_iteration * static_cast<double>(options.burn_in + options.pilot + records * time.thinning);
  return time;
}

}  // namespace equibolt
