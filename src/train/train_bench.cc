#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "bench/cases.h"
#include "core/geometry.h"
#include "core/random.h"
#include "core/stopwatch.h"
#include "egnn/cpu_vector_field.h"
#include "egnn/initialise.h"
#include "train/batch.h"
#include "train/muon.h"
#include "train/trainer.h"

// Where a training step's time goes, on one thread: the loss and its gradient, the optimizer (norm, Adam, the
// weight average), packing (the weights in the kernels' order), and the batch, which a thread of its own
// makes ahead: with the pairs in equivariant_ot, and the rest of it alone (aligned to nothing:
// `independent`).
namespace equibolt::bench {
namespace {

void step(benchmark::State& state, const Case& c, CouplingKind kind) {
  ThreadPool pool(1);
  const Architecture& a = c.architecture;
  std::vector<float> parameters = initial_parameters(a, 1), gradient(parameters.size());
  std::vector<double> average(parameters.begin(), parameters.end());
  const auto field = make_cpu_vector_field(a, parameters, pool);
  AdamState adam(parameters.size());
  Configurations<float> data(4096, a.particles(), a.dim);
  Random random(1, Stream::test);
  for (std::size_t b = 0; b < data.count(); ++b) mean_free_normal(random, data[b], a.dim);
  const auto coupling = make_coupling({.kind = kind, .types = a.types, .dim = a.dim});
  BatchMaker maker(data, *coupling, 1, c.batch, 0.01);
  TrainingBatch batch;
  double making = 0, network = 0, optimizer = 0, packing = 0;
  std::size_t steps = 0;
  for (auto _ : state) {
    const auto timed = [](double& sum, const auto& body) {
      const Stopwatch watch;
      body();
      sum += watch.seconds();
    };
    timed(making, [&] { maker.make(steps, batch); });
    timed(network,
          [&] { benchmark::DoNotOptimize(field->loss_gradient(batch.t, batch.x, batch.target, gradient)); });
    timed(optimizer, [&] {
      benchmark::DoNotOptimize(gradient_norm(gradient));
      adam_step({}, 1e-4, gradient, adam, parameters);
      update_average(0.999, steps, parameters, average);
    });
    timed(packing, [&] { field->set_parameters(parameters); });
    ++steps;
  }
  const double all = making + network + optimizer + packing;
  state.counters["making_%"] = 100 * making / all;
  state.counters["network_%"] = 100 * network / all;
  state.counters["optimizer_%"] = 100 * optimizer / all;
  state.counters["packing_%"] = 100 * packing / all;
  state.counters["network_us"] = 1e6 * network / static_cast<double>(steps);
}

/// One step of an optimizer alone, on as many threads as there are.
void optimizer_step(benchmark::State& state, const Architecture& a, Optimizer optimizer) {
  ThreadPool pool;
  std::vector<float> parameters = initial_parameters(a, 1), gradient(parameters.size());
  Random(2, Stream::test).fill_normal(std::span(gradient));
  AdamState adam(parameters.size());
  Muon muon(a, pool);
  for (auto _ : state) {
    if (optimizer == Optimizer::muon) {
      muon.step({}, 1e-4, gradient, adam, parameters);
    } else {
      adam_step({}, 1e-4, gradient, adam, parameters);
    }
  }
}

const bool registered = [] {
  for (const Case& c : cases()) {
    for (const Optimizer optimizer : {Optimizer::adam, Optimizer::muon}) {
      benchmark::RegisterBenchmark(
          ("optimizer/" + c.name + (optimizer == Optimizer::muon ? "/muon" : "/adam")).c_str(),
          optimizer_step, c.architecture, optimizer)
          ->UseRealTime()
          ->Unit(benchmark::kMicrosecond);
    }
    for (const CouplingKind kind : {CouplingKind::independent, CouplingKind::equivariant_ot}) {
      benchmark::RegisterBenchmark(("step/" + c.name + "/" + std::string(coupling_name(kind))).c_str(), step,
                                   c, kind)
          ->Unit(benchmark::kMillisecond);
    }
  }
  return true;
}();

}  // namespace
}  // namespace equibolt::bench
