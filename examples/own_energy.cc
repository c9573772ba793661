// A Boltzmann generator for an energy of one's own: five charges in a two-dimensional trap.
//
//   own_energy FOLDER [KEY=VALUE...]     simulates, trains (about a minute), samples; again: goes on, or only
//   samples

#include <equibolt/equibolt.h>

#include <cmath>
#include <cstdio>

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
      double u = 0, mean[2] = {}, g[10];
      for (std::size_t k = 0; k < 10; ++k) mean[k % 2] += p[k] / 5;
      for (std::size_t k = 0; k < 10; ++k) {
        u += (p[k] - mean[k % 2]) * (p[k] - mean[k % 2]);
        g[k] = 2 * (p[k] - mean[k % 2]);
      }
      for (std::size_t i = 0; i < 10; i += 2) {
        for (std::size_t j = 0; j < i; j += 2) {
          const double dx = p[i] - p[j], dy = p[i + 1] - p[j + 1], d = std::hypot(dx, dy);
          const double slope = -2 / (d * d * d);
          u += 2 / d;
          g[i] += slope * dx, g[i + 1] += slope * dy, g[j] -= slope * dx, g[j + 1] -= slope * dy;
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

int main(int argc, char** argv) try {
  Settings settings{"train.steps=3000", "simulate.samples=20000", "evaluate.samples=5000",
                    "flow.divergence_nodes=16"};
  for (int k = 2; k < argc; ++k) settings.push_back(argv[k]);
  Generator generator =
      Generator::train(std::make_shared<TrappedCharges>(), argc > 1 ? argv[1] : "charges", settings);
  const WeightedSamples samples = generator.sample(5000, /*seed=*/2);
  const Estimate flow = log_z(samples), exact = *generator.simulated_log_z();
  std::printf("effective sample size %.3f\n", effective_fraction(samples).value);
  std::printf("mean energy %.3f kT\n", reweighted_mean(samples, samples.energy).value);
  std::printf("ln(Z/Z_prior) %.4f ± %.4f from the flow, %.4f ± %.4f from the simulation\n", flow.value,
              flow.error, exact.value, exact.error);
  return std::abs(flow.value - exact.value) < 5 * (flow.error + exact.error) ? 0 : 1;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return static_cast<int>(error.code());
}
