// A Boltzmann generator for an energy of one's own: five charges in a two-dimensional trap.
// Simulates training data, trains a flow, and compares ln(Z/Z_prior) of the reweighted flow with the
// simulation's.

#include <fmt/format.h>

#include <cmath>

#include "analyze/weights.h"
#include "egnn/cpu_vector_field.h"
#include "egnn/initialise.h"
#include "flow/flow.h"
#include "simulate/simulate.h"
#include "system/energy.h"
#include "train/trainer.h"

using namespace equibolt;

// U = Σ_i |x_i − x̄|² + Σ_{i<j} 2/|x_i − x_j|, in kT.
class TrappedCharges final : public Energy {
 public:
  std::size_t particles() const override { return 5; }
  std::size_t dim() const override { return 2; }
  const ParticleTypes& types() const override { return types_; }
  std::unique_ptr<Energy> clone() const override { return std::make_unique<TrappedCharges>(); }

  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    for (std::size_t b = 0; b < x.count(); ++b) {
      const auto p = x[b];
      std::vector<double> g(10);
      double u = 0, mean[2] = {};
      for (std::size_t k = 0; k < 10; ++k) mean[k % 2] += p[k] / 5;
      for (std::size_t k = 0; k < 10; ++k) {
        u += (p[k] - mean[k % 2]) * (p[k] - mean[k % 2]);
        g[k] += 2 * (p[k] - mean[k % 2]);
      }
      for (std::size_t i = 0; i < 10; i += 2) {
        for (std::size_t j = 0; j < i; j += 2) {
          const double dx = p[i] - p[j], dy = p[i + 1] - p[j + 1], d = std::sqrt(dx * dx + dy * dy);
          u += 2 / d;
          const double slope = -2 / (d * d * d);
          g[i] += slope * dx, g[i + 1] += slope * dy;
          g[j] -= slope * dx, g[j + 1] -= slope * dy;
        }
      }
      const bool ok = std::isfinite(u);
      energy[b] = ok ? u : HUGE_VAL;
      status[b] = ok ? EnergyStatus::ok : EnergyStatus::not_finite;
      for (std::size_t k = 0; gradient.size() > 0 && k < 10; ++k) gradient[b][k] = ok ? g[k] : 0;
    }
  }

 private:
  ParticleTypes types_ = ParticleTypes(5, 0);  // all interchangeable
};

int main() {
  ThreadPool pool;
  TrappedCharges energy;
  SimulateOptions simulation;
  simulation.samples = 20000;
  simulation.seed = 1;
  const SimulationResult data = simulate(energy, simulation, pool);

  const Architecture architecture{.types = energy.types(), .dim = 2, .hidden = 32, .layers = 3};
  TrainState state = start_training(initial_parameters(architecture, 1));
  const auto field = make_cpu_vector_field(architecture, state.parameters, pool);
  const auto coupling =
      make_coupling({.kind = CouplingKind::equivariant_ot, .types = energy.types(), .dim = 2});
  TrainOptions training;
  training.steps = 3000;
  training.batch = 64;
  training.rate.peak = 2e-3;
  train(*field, {data.samples, {}}, *coupling, training, 1, state, {});

  field->set_parameters(state.average);
  NetworkDynamics dynamics(*field);
  const FlowSamples samples = sample_flow(dynamics, {}, 1, 0, 5000, 5, 2);
  std::vector<double> log_weight(5000);
  std::vector<EnergyStatus> status(5000);
  energy.evaluate(samples.x1, log_weight, {}, status);
  for (std::size_t b = 0; b < 5000; ++b) log_weight[b] = -log_weight[b] - samples.log_density[b];

  const Estimate flow = log_mean_weight(log_weight), exact = data.log_z->estimate;
  fmt::print("effective sample size {:.3f}\n", kish_fraction(log_weight));
  fmt::print("ln(Z/Z_prior) {:.4f} ± {:.4f} from the flow, {:.4f} ± {:.4f} from the simulation\n", flow.value,
             flow.error, exact.value, exact.error);
  return std::abs(flow.value - exact.value) < 5 * (flow.error + exact.error) ? 0 : 1;
}
