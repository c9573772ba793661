#include <benchmark/benchmark.h>

#include <vector>

#include "core/geometry.h"
#include "core/random.h"
#include "egnn/divergence.h"
#include "egnn/initialise.h"

namespace equibolt {
namespace {

/// One core's exact divergences per second (with v), at a fresh network and a prior sample.
void exact_divergence(benchmark::State& state, ParticleTypes types, std::size_t type_features,
                      std::size_t hidden, std::size_t layers) {
  Architecture architecture;
  architecture.types = std::move(types);
  architecture.type_features = type_features;
  architecture.hidden = hidden;
  architecture.layers = layers;
  cpu::Network network(architecture);
  network.set_parameters(initial_parameters(architecture, 1));
  cpu::DivergenceWorkspace workspace(network);
  std::vector<float> x(architecture.particles() * architecture.dim), v(x.size());
  Random random(1, Stream::test);
  mean_free_normal(random, std::span<float>(x), architecture.dim);
  for (auto _ : state) {
    benchmark::DoNotOptimize(cpu::velocity_and_divergence(network, 0.5F, x, v, workspace));
  }
  state.counters["samples/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

/// Types of alanine dipeptide: hydrogen 0, carbon 1, oxygen 3, the backbone's atoms 4 … 8.
const ParticleTypes molecule{0, 1, 0, 0, 4, 3, 5, 0, 6, 0, 1, 0, 0, 0, 7, 3, 8, 0, 1, 0, 0, 0};

BENCHMARK_CAPTURE(exact_divergence, A_lj13, ParticleTypes(13), 0, 32, 3);
BENCHMARK_CAPTURE(exact_divergence, B_lj55, ParticleTypes(55), 0, 64, 5)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(exact_divergence, C_22_atoms, ParticleTypes(22), 0, 64, 5);
BENCHMARK_CAPTURE(exact_divergence, M_molecule, molecule, 9, 64, 5);

}  // namespace
}  // namespace equibolt
