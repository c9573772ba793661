#include <benchmark/benchmark.h>

#include "simulate/simulation.h"
#include "system/make_energy.h"

namespace equibolt {
namespace {

/// Parts of a simulation on one core, statistics and recording included; items are evaluations of energy and
/// gradient.
void advance(benchmark::State& state, const SystemSpec& spec, std::size_t rungs) {
  ThreadPool pool(1);
  const SimulateOptions options{
      .samples = 1000000000, .chains = 8, .rungs = rungs, .burn_in = 1000000, .pilot = 100};
  Simulation simulation(*make_energy(spec), options, pool);
  for (auto _ : state) simulation.advance(0.01);
  const std::size_t moving = has_prior(options) ? rungs - 1 : rungs;
  state.SetItemsProcessed(static_cast<std::int64_t>(simulation.state().iteration * options.chains * moving *
                                                    options.leapfrog_steps));
}

BENCHMARK_CAPTURE(advance, dw4, SystemSpec{4, 2, DoubleWellParameters{}}, 10);
BENCHMARK_CAPTURE(advance, lj13, SystemSpec{13, 3, LennardJonesParameters{}}, 12);
BENCHMARK_CAPTURE(advance, lj55, SystemSpec{55, 3, LennardJonesParameters{}}, 32)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace equibolt
