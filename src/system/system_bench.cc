#include <benchmark/benchmark.h>

#include <vector>

#include "core/geometry.h"
#include "system/make_energy.h"

namespace equibolt {
namespace {

/// Energies and gradients of 64 configurations on one core; items are configurations.
void evaluate(benchmark::State& state, const SystemSpec& spec) {
  constexpr std::size_t count = 64;
  const auto energy = make_energy(spec);
  Configurations<double> x(count, spec.particles, spec.dim);
  for (std::size_t b = 0; b < count; ++b) {
    Random random(1, Stream::test, 0, b);
    mean_free_normal(random, x[b], spec.dim);
  }
  Configurations<double> gradient(count, spec.particles, spec.dim);
  std::vector<double> energies(count);
  std::vector<EnergyStatus> status(count);
  for (auto _ : state) {
    energy->evaluate(x, energies, gradient, status);
    benchmark::DoNotOptimize(energies.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * count));
}

BENCHMARK_CAPTURE(evaluate, dw4, SystemSpec{4, 2, DoubleWellParameters{}});
BENCHMARK_CAPTURE(evaluate, lj13, SystemSpec{13, 3, LennardJonesParameters{}});
BENCHMARK_CAPTURE(evaluate, lj55, SystemSpec{55, 3, LennardJonesParameters{}});

}  // namespace
}  // namespace equibolt
