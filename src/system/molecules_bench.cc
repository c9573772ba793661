// Energies and gradients of alanine dipeptide, per second and thread: from fresh densities, as reweighting
// needs them, and along a trajectory, each from the last one's.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <fstream>
#include <vector>

#include "system/make_energy.h"

namespace equibolt {
namespace {

enum class Start { fresh, warm };

void evaluate(benchmark::State& state, const SystemSpec& spec, Start start) {
  const std::vector<double> x = load_molecule("alanine_dipeptide").positions;
  const auto energy = make_energy(spec);  // one for each thread
  Configurations<double> here(1, 22, 3), gradient(1, 22, 3);
  std::vector<double> value(1);
  std::vector<EnergyStatus> status(1);
  std::size_t step = 0;
  for (auto _ : state) {
    // Mirror images in turn are far apart, as independent configurations are.
    const double sign = start == Start::fresh && step % 2 == 1 ? -1 : 1;
    const double move = 0.002 * static_cast<double>(step % 20);  // as far as atoms go in a step of 1 fs
    for (std::size_t k = 0; k < x.size(); ++k) here.data()[k] = sign * (x[k] + (k % 2 == 0 ? move : -move));
    energy->evaluate(here.view(), value, gradient.view(), status);
    benchmark::DoNotOptimize(value.data());
    ++step;
  }
  state.SetItemsProcessed(state.iterations());
}

XtbParameters xtb(XtbMethod method, const char* solvent) {
  XtbParameters p;
  p.method = method;
  p.solvent = solvent;
  return p;
}

/// MB of memory that this process has.
double resident() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

/// What 20 000 evaluations, half of them from fresh densities, leave behind after the first thousand.
void memory(benchmark::State& state, const SystemSpec& spec) {
  const std::vector<double> x = load_molecule("alanine_dipeptide").positions;
  const auto energy = make_energy(spec);
  Configurations<double> here(1, 22, 3), gradient(1, 22, 3);
  std::vector<double> value(1);
  std::vector<EnergyStatus> status(1);
  std::size_t step = 0;
  double before = 0;
  for (auto _ : state) {
    if (step == 1000) before = resident();
    const double sign = step / 2 % 2 == 0 ? 1 : -1;
    for (std::size_t k = 0; k < x.size(); ++k) here.data()[k] = sign * x[k];
    energy->evaluate(here.view(), value, gradient.view(), status);
    ++step;
  }
  state.counters["MB"] = resident();
  state.counters["MB_grown"] = resident() - before;
}

void register_all() {
  const auto add = [](const char* name, const SystemSpec& spec, Start start) {
    benchmark::RegisterBenchmark(name, evaluate, spec, start)
        ->ThreadRange(1, 2)
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  };
  if (!openmm_version().empty()) add("openmm", {22, 3, OpenMmParameters{}}, Start::warm);
  if (!has_xtb()) return;
  add("gfn2_water/fresh", {22, 3, xtb(XtbMethod::gfn2, "water")}, Start::fresh);
  add("gfn2_water/warm", {22, 3, xtb(XtbMethod::gfn2, "water")}, Start::warm);
  benchmark::RegisterBenchmark("gfn2_water/memory", memory, SystemSpec{22, 3, xtb(XtbMethod::gfn2, "water")})
      ->Iterations(20000)
      ->Unit(benchmark::kMillisecond);
  add("gfn2/fresh", {22, 3, xtb(XtbMethod::gfn2, "")}, Start::fresh);
  add("gfn2/warm", {22, 3, xtb(XtbMethod::gfn2, "")}, Start::warm);
  add("gfnff/warm", {22, 3, xtb(XtbMethod::gfnff, "")}, Start::warm);
}

[[maybe_unused]] const bool registered = (register_all(), true);

}  // namespace
}  // namespace equibolt
