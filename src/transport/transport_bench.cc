// Assignment, alignment and couplings on pairs as training meets them: Gaussians against compact clusters.
// With the environment's EQUIBOLT_PAIRS the pairs of n particles are those of the files x0_n.npy and x1_n.npy
// in that folder, as bench/transport_scipy.py writes them.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "core/geometry.h"
#include "core/random.h"
#include "io/configurations_file.h"
#include "transport/alignment.h"
#include "transport/assignment.h"
#include "transport/coupling.h"
#include "transport/matching.h"

namespace equibolt {
namespace {

/// `count` of the configurations in the environment's file of that name, again from the first where it has
/// fewer.
std::optional<Configurations<float>> given(const std::string& name, std::size_t count,
                                           std::size_t particles) {
  const char* folder = std::getenv("EQUIBOLT_PAIRS");
  if (folder == nullptr) return std::nullopt;
  const auto path = std::filesystem::path(folder) / (name + "_" + std::to_string(particles) + ".npy");
  if (!std::filesystem::exists(path)) return std::nullopt;
  const auto all = read_configurations(path, particles, 3);
  Configurations<float> x(count, particles, 3);
  for (std::size_t b = 0; b < count; ++b) {
    for (std::size_t j = 0; j < x.coordinates(); ++j) x[b][j] = static_cast<float>(all[b % all.count()][j]);
  }
  remove_mean(x.view());
  return x;
}

Configurations<float> gaussians(std::size_t count, std::size_t particles) {
  if (auto x = given("x0", count, particles)) return std::move(*x);
  Configurations<float> x(count, particles, 3);
  for (std::size_t b = 0; b < count; ++b) {
    Random random(1, Stream::test, particles, b);
    mean_free_normal(random, x[b], 3);
  }
  return x;
}

/// Points in a ball no closer than 0.85, by throwing again: the density of a Lennard-Jones cluster.
Configurations<float> clusters(std::size_t count, std::size_t particles) {
  if (auto x = given("x1", count, particles)) return std::move(*x);
  Configurations<float> x(count, particles, 3);
  const double radius = 0.65 * std::cbrt(static_cast<double>(particles));
  for (std::size_t b = 0; b < count; ++b) {
    Random random(2, Stream::test, particles, b);
    for (std::size_t i = 0; i < particles;) {
      double square = 0;
      for (std::size_t k = 0; k < 3; ++k) {
        const double value = radius * (2 * random.uniform() - 1);
        square += value * value;
        x[b][3 * i + k] = static_cast<float>(value);
      }
      bool free = square < radius * radius;
      for (std::size_t j = 0; free && j < i; ++j) {
        double distance = 0;
        for (std::size_t k = 0; k < 3; ++k) distance += std::pow(x[b][3 * i + k] - x[b][3 * j + k], 2);
        free = distance > 0.85 * 0.85;
      }
      i += free;
      if (!free && random.below(2000) == 0) i = 0;  // stuck
    }
    remove_mean(x[b], 3);
  }
  return x;
}

/// The permutation problems of pairs; one iteration is one problem.
void assignment_of_particles(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::size_t problems = std::clamp<std::size_t>(400000 / (n * n), 8, 1000);
  const auto x0 = gaussians(problems, n), x1 = clusters(problems, n);
  std::vector<float> costs(problems * n * n);
  for (std::size_t p = 0; p < problems; ++p) {
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        float sum = 0;
        for (std::size_t k = 0; k < 3; ++k) sum += x1[p][3 * i + k] * x0[p][3 * j + k];
        costs[(p * n + i) * n + j] = -sum;
      }
    }
  }
  AssignmentWorkspace<float> work;
  std::vector<std::size_t> columns(n);
  std::size_t p = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(solve_assignment<float>({costs.data() + p * n * n, n * n}, n, columns, work));
    p = (p + 1) % problems;
  }
}
BENCHMARK(assignment_of_particles)->Arg(13)->Arg(22)->Arg(55)->Arg(256)->Unit(benchmark::kMicrosecond);

void assignment_of_random_costs(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const std::size_t problems = std::clamp<std::size_t>(400000 / (n * n), 8, 1000);
  Random random(3, Stream::test);
  std::vector<float> costs(problems * n * n);
  for (float& cost : costs) cost = static_cast<float>(random.uniform());
  AssignmentWorkspace<float> work;
  std::vector<std::size_t> columns(n);
  std::size_t p = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(solve_assignment<float>({costs.data() + p * n * n, n * n}, n, columns, work));
    p = (p + 1) % problems;
  }
}
BENCHMARK(assignment_of_random_costs)->Arg(13)->Arg(22)->Arg(55)->Arg(256)->Unit(benchmark::kMicrosecond);

/// The best rotation of one 3-D overlap, with the rotation.
void alignment_in_3d(benchmark::State& state) {
  const auto x0 = gaussians(1000, 13), x1 = clusters(1000, 13);
  std::vector<double> overlaps(9000), rotation(9);
  for (std::size_t p = 0; p < 1000; ++p) {
    overlap_matrix<float>(x0.view()[p], x1.view()[p], 3, std::span(overlaps).subspan(9 * p, 9));
  }
  std::size_t p = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(optimal_rotation(std::span(overlaps).subspan(9 * p, 9), 3, false, rotation));
    p = (p + 1) % 1000;
  }
}
BENCHMARK(alignment_in_3d)->Unit(benchmark::kNanosecond);

/// Alanine dipeptide's: hydrogen 0, carbon 1, oxygen 3, the backbone's atoms 4 … 8.
const ParticleTypes kMolecule{0, 1, 0, 0, 4, 3, 5, 0, 6, 0, 1, 0, 0, 0, 7, 3, 8, 0, 1, 0, 0, 0};

/// The costs of eq. 14 for all pairs of a batch; `per_pair` is the time of one.
void equivariant_costs(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto batch = static_cast<std::size_t>(state.range(1));
  const auto x0 = gaussians(batch, n), x1 = clusters(batch, n);
  Matcher matcher(ParticleTypes(n, 0), 3, false, state.range(2) != 0);
  std::vector<float> cost(batch * batch);
  for (auto _ : state) matcher.costs(x0, x1, cost);
  state.counters["per_pair"] =
      benchmark::Counter(static_cast<double>(batch * batch),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(equivariant_costs)
    ->ArgNames({"n", "batch", "alternate"})
    ->Args({13, 32, 0})
    ->Args({13, 256, 0})
    ->Args({13, 64, 1})
    ->Args({22, 32, 0})
    ->Args({55, 32, 0})
    ->Unit(benchmark::kMicrosecond);

/// A whole batch; `per_sample` is the time of one training sample.
void coupling(benchmark::State& state) {
  const auto kind = static_cast<CouplingKind>(state.range(0));
  const auto n = static_cast<std::size_t>(state.range(1));
  const auto batch = static_cast<std::size_t>(state.range(2));
  const auto prior = gaussians(batch, n), data = clusters(batch, n);
  Configurations<float> x0(batch, n, 3), x1(batch, n, 3);
  const ParticleTypes types = state.range(3) != 0 ? kMolecule : ParticleTypes(n, 0);
  const auto pairing = make_coupling({.kind = kind, .types = types, .dim = 3});
  std::uint64_t step = 0;
  for (auto _ : state) {
    Random random(4, Stream::test, ++step);
    benchmark::DoNotOptimize(pairing->pair(prior, data, random, x0, x1));
  }
  state.SetLabel(std::string(coupling_name(kind)));
  state.counters["per_sample"] =
      benchmark::Counter(static_cast<double>(batch),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(coupling)
    ->ArgNames({"kind", "n", "batch", "typed"})
    ->ArgsProduct({{static_cast<long>(CouplingKind::independent), static_cast<long>(CouplingKind::ot),
                    static_cast<long>(CouplingKind::equivariant_ot),
                    static_cast<long>(CouplingKind::aligned)},
                   {13, 55},
                   {32, 256},
                   {0}})
    ->ArgsProduct({{static_cast<long>(CouplingKind::independent), static_cast<long>(CouplingKind::ot),
                    static_cast<long>(CouplingKind::equivariant_ot),
                    static_cast<long>(CouplingKind::aligned)},
                   {22},
                   {32, 256},
                   {1}})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace equibolt
