#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/cases.h"
#include "bench/counters.h"
#include "core/geometry.h"
#include "core/random.h"
#include "egnn/cpu_vector_field.h"
#include "egnn/initialise.h"

// Speed of the three operations: cases A, B, C, M of bench/cases.h, and how the cost grows from there.
// GFLOP/s count the products that are needed, `of_peak` is their share of what the machine's multiply-adds
// can do.
namespace equibolt::bench {
namespace {

struct Inputs {
  Inputs(const Architecture& a, std::size_t batch)
      : x(batch, a.particles(), a.dim), target(x), v(x), t(batch), divergence(batch) {
    Random random(1, Stream::test);
    for (std::size_t b = 0; b < batch; ++b) {
      mean_free_normal(random, x[b], a.dim);
      mean_free_normal(random, target[b], a.dim);
      t[b] = static_cast<float>(random.uniform());
    }
  }
  Configurations<float> x, target, v;
  std::vector<float> t, divergence;
};

enum class Operation { velocity, loss_gradient, loss_gradient_bf16, divergence };

void run(benchmark::State& state, const Architecture& a, std::size_t batch, Operation operation) {
  const auto threads = static_cast<std::size_t>(state.range(0));
  ThreadPool pool(threads);
  const std::vector<float> parameters = initial_parameters(a, 1);
  const bool in_bf16 = operation == Operation::loss_gradient_bf16;
  if (in_bf16 && !has_bf16_gradients()) return state.SkipWithError("the machine has no bf16");
  const auto field = make_cpu_vector_field(a, parameters, pool, in_bf16 ? Precision::bf16 : Precision::fp32);
  Inputs in(a, batch);
  std::vector<float> gradient(parameters.size());
  Work work{};
  switch (operation) {
    case Operation::velocity:
      work = velocity_work(a);
      for (auto _ : state) field->velocity(in.t, in.x, in.v);
      break;
    case Operation::loss_gradient:
    case Operation::loss_gradient_bf16:
      work = loss_gradient_work(a);
      for (auto _ : state) {
        benchmark::DoNotOptimize(field->loss_gradient(in.t, in.x, in.target, gradient));
      }
      break;
    case Operation::divergence:
      work = divergence_work(a);
      for (auto _ : state) field->velocity_and_divergence(in.t, in.x, in.v, in.divergence);
      break;
  }
  report(state, batch, work.needed, threads);
}

/// All operations of one network, named `name`/velocity and so on.
void add(const std::string& name, const Architecture& a, std::size_t batch, std::size_t divergence_batch,
         const std::vector<std::int64_t>& threads) {
  const auto add_one = [&](const char* operation, Operation which, std::size_t samples) {
    auto* benchmark = benchmark::RegisterBenchmark(
        (name + "/" + operation).c_str(), [=](benchmark::State& state) { run(state, a, samples, which); });
    benchmark->ArgName("threads")->UseRealTime()->Unit(benchmark::kMillisecond);
    for (const std::int64_t count : threads) benchmark->Arg(count);
  };
  add_one("velocity", Operation::velocity, batch);
  add_one("loss_gradient", Operation::loss_gradient, batch);
  add_one("loss_gradient_bf16", Operation::loss_gradient_bf16, batch);
  add_one("divergence", Operation::divergence, divergence_batch);
}

const bool registered = [] {
  for (const Case& c : cases()) add(c.name, c.architecture, c.batch, c.divergence_batch, {1, 2});
  for (const std::size_t n : {4, 8, 13, 22, 32, 55, 100, 200}) {
    const std::size_t batch = n > 40 ? 4 : 64;
    add("grow_particles/" + std::to_string(n), untyped(n, 64, 5), batch, n > 40 ? 1 : 4, {1});
  }
  for (const std::size_t h : {32, 48, 64, 96, 128}) {
    add("grow_width/" + std::to_string(h), untyped(22, h, 5), 32, 4, {1});
  }
  for (const std::size_t layers : {1, 2, 3, 4, 5, 6, 8}) {
    add("grow_layers/" + std::to_string(layers), untyped(22, 64, layers), 32, 4, {1});
  }
  for (const std::size_t batch : {1, 2, 4, 16, 64, 256, 1024}) {
    add("grow_batch/" + std::to_string(batch), untyped(13, 32, 3), batch, batch, {1, 2});
  }
  return true;
}();

}  // namespace
}  // namespace equibolt::bench
