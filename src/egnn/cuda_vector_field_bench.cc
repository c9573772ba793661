#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/cases.h"
#include "bench/counters.h"
#include "core/geometry.h"
#include "core/random.h"
#include "egnn/cuda_vector_field.h"
#include "egnn/initialise.h"

// Speed on a GPU, of host arrays in and out: cases A, B, C, M of bench/cases.h over batch sizes. A training
// step is set_parameters and loss_gradient.
namespace equibolt::bench {
namespace {

enum class Operation { velocity, step, step_bf16, divergence };

void run(benchmark::State& state, const Architecture& a, Operation operation) {
  if (const CudaDevice device = cuda_device(); device.name.empty()) {
    return state.SkipWithError(device.absence.c_str());
  }
  const auto batch = static_cast<std::size_t>(state.range(0));
  const std::vector<float> parameters = initial_parameters(a, 1);
  const auto field = make_cuda_vector_field(
      a, parameters, operation == Operation::step_bf16 ? Precision::bf16 : Precision::fp32);
  Configurations<float> x(batch, a.particles(), a.dim), target = x, v = x;
  std::vector<float> t(batch), divergence(batch), gradient(parameters.size());
  Random random(1, Stream::test);
  for (std::size_t b = 0; b < batch; ++b) {
    mean_free_normal(random, x[b], a.dim);
    mean_free_normal(random, target[b], a.dim);
    t[b] = static_cast<float>(random.uniform());
  }
  const auto once = [&] {
    switch (operation) {
      case Operation::velocity:
        return field->velocity(t, x, v);
      case Operation::divergence:
        return field->velocity_and_divergence(t, x, v, divergence);
      case Operation::step:
      case Operation::step_bf16:
        field->set_parameters(parameters);
        benchmark::DoNotOptimize(field->loss_gradient(t, x, target, gradient));
    }
  };
  once();  // takes memory, records the graph
  for (auto _ : state) once();
  const Work work = operation == Operation::velocity     ? velocity_work(a)
                    : operation == Operation::divergence ? divergence_work(a)
                                                         : loss_gradient_work(a);
  const double samples = static_cast<double>(batch) * static_cast<double>(state.iterations());
  state.counters["samples/s"] = benchmark::Counter(samples, benchmark::Counter::kIsRate);
  state.counters["GFLOP/s"] = benchmark::Counter(1e-9 * work.needed * samples, benchmark::Counter::kIsRate);
}

const bool registered = [] {
  for (const Case& c : cases()) {
    const auto add = [&](const char* name, Operation operation, const std::vector<std::int64_t>& batches) {
      const Architecture a = c.architecture;
      auto* benchmark =
          benchmark::RegisterBenchmark(("cuda/" + c.name + "/" + name).c_str(),
                                       [=](benchmark::State& state) { run(state, a, operation); });
      benchmark->ArgName("batch")->UseRealTime()->Unit(benchmark::kMillisecond);
      for (const std::int64_t batch : batches) benchmark->Arg(batch);
    };
    const std::vector<std::int64_t> batches{32, 256, 1024, 4096};
    add("velocity", Operation::velocity, batches);
    add("step", Operation::step, batches);
    add("step_bf16", Operation::step_bf16, batches);
    add("divergence", Operation::divergence, {32, 256, 1024});
  }
  return true;
}();

}  // namespace
}  // namespace equibolt::bench
