#include "simulate/target_chains.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <vector>

#include "equibolt/error.h"
#include "io/npz.h"
#include "simulate/simulate.h"
#include "simulate/simulation_file.h"
#include "system/double_well.h"
#include "system/harmonic.h"

namespace equibolt {
namespace {

double deviation(const Estimate& estimate, double exact) {
  return std::abs(estimate.value - exact) / estimate.error;
}

/// DW4 by quadrature, as in simulate_test.cc.
constexpr double dw4_log_z = 24.1536010;
constexpr double dw4_mean_energy = -22.5415096;

SimulateOptions small_options() {
  return {.samples = 12000,
          .chains = 16,
          .rungs = 4,
          .leapfrog_steps = 8,
          .burn_in = 200,
          .pilot = 200,
          .seed = 5};
}

/// DW4, with the energies that it was asked for, by all clones in one thread; without an energy where the
/// first particle is beyond `wall`.
class Asked : public DoubleWell {
 public:
  explicit Asked(double wall = 1e9)
      : DoubleWell(4, 2), asked_(std::make_shared<std::vector<double>>()), wall_(wall) {}
  std::unique_ptr<Energy> clone() const override { return std::make_unique<Asked>(*this); }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    DoubleWell::evaluate(x, energy, gradient, status);
    for (std::size_t b = 0; b < x.count(); ++b) {
      asked_->push_back(energy[b]);
      if (x[b][0] > wall_) status[b] = EnergyStatus::failed;
    }
  }
  const std::vector<double>& asked() const { return *asked_; }

 private:
  std::shared_ptr<std::vector<double>> asked_;
  double wall_;
};

TEST(TargetChains, SampleAHarmonicTargetAboveASofterOnesLadder) {
  ThreadPool pool(2);
  const Harmonic cheap(4, 2, {.stiffness = 2}), target(4, 2, {.stiffness = 3});
  const SimulationResult result = simulate(cheap, small_options(), pool, {}, &target);
  EXPECT_LT(deviation(result.mean_energy.estimate, 3),
            4);  // f/2; samples of the cheaper energy would have 4.5
  EXPECT_LT(result.mean_energy.estimate.error, 0.1);
  ASSERT_TRUE(result.log_z && result.target && result.target->log_z.log_z);
  EXPECT_LT(deviation(result.log_z->estimate, harmonic_log_z(4, 2, 3)), 4);
  EXPECT_LT(
      deviation(result.target->log_z.log_z->estimate, harmonic_log_z(4, 2, 3) - harmonic_log_z(4, 2, 2)), 4);
  EXPECT_LT(result.target->log_z.log_z->estimate.error, 0.05);
  EXPECT_GT(result.target->acceptance, 0.3);
  EXPECT_LT(result.target->acceptance, 0.9);
}

TEST(TargetChains, AgreeWithQuadratureWhateverTheCheaperEnergyIs) {
  ThreadPool pool(2);
  DoubleWellParameters shifted;
  shifted.d0 += 0.05;
  const DoubleWell cheap(4, 2, shifted), target(4, 2);
  SimulateOptions options = small_options();
  options.rungs = 8;
  options.samples = 24000;
  const SimulationResult result = simulate(cheap, options, pool, {}, &target);
  EXPECT_LT(deviation(result.mean_energy.estimate, dw4_mean_energy), 4);
  ASSERT_TRUE(result.log_z.has_value());
  EXPECT_LT(deviation(result.log_z->estimate, dw4_log_z), 4);
  EXPECT_LT(result.log_z->estimate.error, 0.2);
  EXPECT_LT(result.target->acceptance, 0.8);
}

TEST(TargetChains, EvaluateTheTargetOnceForEachConfiguration) {
  ThreadPool pool(1);
  SimulateOptions options = small_options();
  options.samples = 1600;
  options.rungs = 1;
  options.acceptance = 0.5;  // so that many configurations stay where they are
  const Asked target;
  const SimulationResult result = simulate(DoubleWell(4, 2), options, pool, {}, &target);
  EXPECT_EQ(result.target->asked, target.asked().size());
  EXPECT_EQ(std::set<double>(target.asked().begin(), target.asked().end()).size(), target.asked().size());
  const std::uint64_t exchanges = (result.diagnostics.iterations - options.burn_in) * options.chains;
  EXPECT_LT(result.target->asked, 3 * exchanges / 4);
  // Where both energies are one, everything is accepted.
  EXPECT_DOUBLE_EQ(result.target->acceptance, 1);
}

TEST(TargetChains, KeepTheTargetsGradientOfEachSample) {
  ThreadPool pool(1);
  SimulateOptions options = small_options();
  options.samples = 160;
  Harmonic target(4, 2, {.stiffness = 3});
  const SimulationResult result = simulate(Harmonic(4, 2, {.stiffness = 2}), options, pool, {}, &target);
  ASSERT_EQ(result.gradient.count(), 160U);
  for (std::size_t k = 0; k < result.gradient.size(); ++k)
    ASSERT_NEAR(result.gradient.data()[k], 3 * result.samples.data()[k], 1e-5);
}

TEST(TargetChains, WithoutAnEnergyAConfigurationIsNotAccepted) {
  ThreadPool pool(1);
  SimulateOptions options = small_options();
  options.samples = 1600;
  const SimulationResult result =
      simulate(DoubleWell(4, 2), options, pool, {}, std::make_unique<Asked>(2).get());
  EXPECT_GT(result.target->failed, 0U);
  for (std::size_t b = 0; b < result.samples.count(); ++b) EXPECT_LE(result.samples[b][0], 2.0F);
  // Where it never has one, the simulation ends and says why.
  const Asked nothing(-1e9);
  EXPECT_THROW(simulate(DoubleWell(4, 2), options, pool, {}, &nothing), NumericalError);
}

TEST(TargetChains, ResumedFromFilesTheyGiveTheSameBits) {
  ThreadPool one(1), two(2);
  const Harmonic cheap(4, 2, {.stiffness = 2}), target(4, 2, {.stiffness = 3});
  SimulateOptions options = small_options();
  options.samples = 320;
  const SimulationResult whole = simulate(cheap, options, two, {}, &target);
  auto simulation = std::make_unique<Simulation>(cheap, options, one, &target);
  while (!simulation->finished()) {
    for (int part = 0; part < 7; ++part) simulation->advance(0);
    const Npz npz = parse_npz(npz_bytes(to_npz(simulation->state())), "memory");
    simulation = std::make_unique<Simulation>(cheap, options, one, simulation_state_from(npz), &target);
  }
  const SimulationResult parts = result_of(*simulation);
  EXPECT_EQ(whole.energy, parts.energy);
  EXPECT_TRUE(std::ranges::equal(whole.samples.values(), parts.samples.values()));
  EXPECT_TRUE(std::ranges::equal(whole.gradient.values(), parts.gradient.values()));
  EXPECT_EQ(whole.target->log_z.log_z->estimate.value, parts.target->log_z.log_z->estimate.value);
  // Neither goes on with the other.
  EXPECT_THROW(Simulation(cheap, options, one, simulation->state()), DataError);
}

}  // namespace
}  // namespace equibolt
