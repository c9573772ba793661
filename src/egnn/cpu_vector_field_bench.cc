#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "core/random.h"
#include "egnn/cpu_vector_field.h"
#include "egnn/initialise.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "egnn/cpu_vector_field_bench.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace equibolt::HWY_NAMESPACE {

/// `rounds` of 16 independent multiply-adds of whole vectors, and how many operations that was.
double multiply_add(std::size_t rounds, float* sum) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::CappedTag<float, 16> d;
  constexpr std::size_t count = 16;
  hn::Vec<decltype(d)> sums[count];
#pragma GCC unroll 16
  for (std::size_t k = 0; k < count; ++k) sums[k] = hn::Set(d, static_cast<float>(k) + *sum);
  const auto factor = hn::Set(d, 0.5F * *sum);
  for (std::size_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (std::size_t k = 0; k < count; ++k) sums[k] = hn::MulAdd(sums[k], factor, factor);
  }
  auto total = sums[0];
#pragma GCC unroll 16
  for (std::size_t k = 1; k < count; ++k) total = hn::Add(total, sums[k]);
  *sum = hn::GetLane(total) * 1e-30F + 1;
  return 2.0 * static_cast<double>(rounds * count * hn::Lanes(d));
}

}  // namespace equibolt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
// The cases of docs/benchmarks.md: samples per second, and GFLOP/s of the products that the network as
// written needs (a multiply-add is two), whatever the kernels save of them.
namespace equibolt {
namespace {

Architecture untyped(std::size_t particles, std::size_t hidden, std::size_t layers) {
  return {ParticleTypes(particles, 0), 3, hidden, layers, 0};
}

HWY_EXPORT(multiply_add);

/// What the machine can do at most, one thread: the measure of the others.
void peak(benchmark::State& state) {
  double done = 0;
  float sum = 1;
  for (auto _ : state) done += HWY_DYNAMIC_DISPATCH(multiply_add)(100000, &sum);
  benchmark::DoNotOptimize(sum);
  state.counters["GFLOP/s"] = benchmark::Counter(1e-9 * done, benchmark::Counter::kIsRate);
}
BENCHMARK(peak);

struct Case {
  const char* name;
  Architecture architecture;
  std::size_t batch;
};

std::vector<Case> cases() {
  Architecture molecule = untyped(22, 64, 5);
  molecule.type_features = 9;
  molecule.types = {0, 1, 0, 0, 4, 3, 5, 0, 6, 0, 1, 0, 0, 0, 7, 3, 8, 0, 1, 0, 0, 0};
  return {{"A_LJ13", untyped(13, 32, 3), 256},
          {"B_LJ55", untyped(55, 64, 5), 32},
          {"C_22_untyped", untyped(22, 64, 5), 256},
          {"M_22_typed", molecule, 256}};
}

/// Floating-point operations of one velocity.
double operations(const Architecture& a) {
  const auto n = static_cast<double>(a.particles()), h = static_cast<double>(a.hidden);
  const double edges = n * (n - 1);
  const double edge = h * (2 * h + 2) + 2 * h * h + 2 * h;
  return 2 * static_cast<double>(a.layers) * (edges * edge + n * 3 * h * h);
}

struct Batch {
  explicit Batch(const Case& c) : x(c.batch, c.architecture.particles(), 3), target(x), v(x), t(c.batch) {
    Random random(1, Stream::test);
    random.fill_normal(x.values());
    random.fill_normal(target.values());
    for (float& value : t) value = static_cast<float>(random.uniform());
  }
  Configurations<float> x, target, v;
  std::vector<float> t;
};

void report(benchmark::State& state, const Case& c, double velocities) {
  const double samples = static_cast<double>(state.iterations()) * static_cast<double>(c.batch);
  using benchmark::Counter;
  state.counters["samples/s"] = Counter(samples, Counter::kIsRate);
  state.counters["GFLOP/s"] =
      Counter(1e-9 * samples * velocities * operations(c.architecture), Counter::kIsRate);
}

void velocity(benchmark::State& state, const Case& c) {
  ThreadPool pool(static_cast<std::size_t>(state.range(0)));
  const auto field = make_cpu_vector_field(c.architecture, initial_parameters(c.architecture, 1), pool);
  Batch batch(c);
  for (auto _ : state) field->velocity(batch.t, batch.x, batch.v);
  report(state, c, 1);
}

void loss_gradient(benchmark::State& state, const Case& c) {
  ThreadPool pool(static_cast<std::size_t>(state.range(0)));
  const std::vector<float> parameters = initial_parameters(c.architecture, 1);
  const auto field = make_cpu_vector_field(c.architecture, parameters, pool);
  Batch batch(c);
  std::vector<float> gradient(parameters.size());
  for (auto _ : state)
    benchmark::DoNotOptimize(field->loss_gradient(batch.t, batch.x, batch.target, gradient));
  report(state, c, 3);
}

const bool registered = [] {
  const auto add = [](const std::string& name, const auto& body, const Case& c) {
    benchmark::RegisterBenchmark(name.c_str(), body, c)
        ->ArgName("threads")
        ->Arg(1)
        ->Arg(2)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  };
  for (const Case& c : cases()) {
    add(std::string(c.name) + "/velocity", velocity, c);
    add(std::string(c.name) + "/loss_gradient", loss_gradient, c);
  }
  return true;
}();

}  // namespace
}  // namespace equibolt
#endif  // HWY_ONCE
