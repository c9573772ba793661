#include "simulate/langevin.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/geometry.h"
#include "equibolt/error.h"
#include "simulate/short_trajectories.h"
#include "simulate/simulate.h"
#include "simulate/torsion_chain.h"
#include "system/harmonic.h"

namespace equibolt {
namespace {

/// A harmonic energy that fails beyond a distance from the mean.
class Fenced : public Harmonic {
 public:
  Fenced() : Harmonic(3, 2) {}
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    Harmonic::evaluate(x, energy, gradient, status);
    for (std::size_t b = 0; b < x.count(); ++b) {
      if (energy[b] > 4) status[b] = EnergyStatus::failed;
    }
  }
  std::unique_ptr<Energy> clone() const override { return std::make_unique<Fenced>(*this); }
};

SimulateOptions langevin_simulation() {
  SimulateOptions options;
  options.mover = MoverKind::langevin;
  options.langevin = {0.5, 1.0, {1, 2, 3, 4}};
  options.path = Path::temperature;
  options.lowest_beta = 0.5;
  options.rungs = 3;
  options.chains = 8;
  options.leapfrog_steps = 8;
  options.samples = 8000;
  options.burn_in = 40;
  options.pilot = 100;
  options.start = {1, 0, 0, 1, -1, 0, 0, -1};
  options.seed = 4;
  return options;
}

TEST(Langevin, SamplesAHarmonicWellWithoutErrorOfTheStep) {
  ThreadPool pool(2);
  const SimulationResult result = simulate(Harmonic(4, 2), langevin_simulation(), pool);
  // BAOAB is exact there for any step, and f = 6.
  const Estimate mean = result.mean_energy.estimate;
  EXPECT_LT(mean.error, 0.05);
  EXPECT_NEAR(mean.value, 3, 4 * mean.error);
  for (std::size_t k = 1; k < 3; ++k) EXPECT_EQ(result.diagnostics.acceptance[k], 1);
  EXPECT_LT(result.mean_energy.r_hat, 1.02);
}

TEST(Langevin, TemperingFindsThePopulationsOfTwoStates) {
  // At temperature 1 the barriers are of 10 kT: alone, chains would hardly leave where they start.
  const TorsionChain chain(2, 5);
  SimulateOptions options = langevin_simulation();
  options.langevin = {0.03, 1.0, {}};
  options.lowest_beta = 0.2;
  options.rungs = 4;
  options.leapfrog_steps = 15;
  options.samples = 16000;
  options.burn_in = 300;
  options.start = TorsionChain::start();
  ThreadPool pool(2);
  const SimulationResult result = simulate(chain, options, pool);
  std::vector<std::vector<double>> inside(options.chains);
  for (std::size_t n = 0; n < result.samples.count(); ++n) {
    const std::vector<double> x(result.samples[n].begin(), result.samples[n].end());
    const double phi = dihedral(x, TorsionChain::atoms);
    inside[result.chain[n]].push_back(phi > 0 && phi < 3 ? 1.0 : 0.0);
  }
  const ChainEstimate population = estimate_of(inside);
  const double exact = chain.population(0, 3);
  EXPECT_GT(result.diagnostics.renewal_rate, 0.01);
  EXPECT_LT(population.chain_error, 0.15 * exact);
  EXPECT_NEAR(population.estimate.value, exact,
              4 * std::max(population.chain_error, population.estimate.error));
}

TEST(Langevin, ThreadsChangeNoBit) {
  SimulateOptions options = langevin_simulation();
  options.samples = 80;
  ThreadPool one(1), three(3);
  const auto a = simulate(Harmonic(4, 2), options, one);
  const auto b = simulate(Harmonic(4, 2), options, three);
  EXPECT_EQ(a.energy, b.energy);
}

TEST(Langevin, TrajectoriesThatLeaveTheEnergysDomainAreRejected) {
  // What is left is the distribution within the fence: that of a Gaussian in 4 dimensions with |x|² < 8.
  SimulateOptions options = langevin_simulation();
  options.langevin = {0.2, 1.0, {}};
  options.rungs = 1;
  options.leapfrog_steps = 2;
  options.start = {1, 0, 0, 1, -1, 0};
  ThreadPool pool(2);
  const auto result = simulate(Fenced(), options, pool);
  double largest = 0;
  for (const double energy : result.energy) largest = std::max(largest, energy);
  EXPECT_LE(largest, 4);
  // ⟨U⟩ = ∫ u² e^−u / ∫ u e^−u over u < 4.
  const double e = std::exp(-4.0);
  const double exact = (2 - e * (16 + 8 + 2)) / (1 - e * 5);
  EXPECT_NEAR(result.mean_energy.estimate.value, exact, 4 * result.mean_energy.estimate.error + 0.02);
}

TEST(Langevin, RefusesOptionsWithoutSense) {
  EXPECT_THROW(check(LangevinOptions{0, 1, {}}), UsageError);
  EXPECT_THROW(check(LangevinOptions{0.1, -1, {}}), UsageError);
  EXPECT_THROW(check(LangevinOptions{0.1, 1, {1, 0}}), UsageError);
  SimulateOptions options = langevin_simulation();
  options.path = Path::prior;
  ThreadPool pool(1);
  EXPECT_THROW(Simulation(Harmonic(4, 2), options, pool), UsageError);
  options = langevin_simulation();
  options.start.pop_back();
  EXPECT_THROW(Simulation(Harmonic(4, 2), options, pool), UsageError);
}

TEST(Langevin, HydrogensTakeMassFromTheirNeighbours) {
  const std::vector<int> methane{6, 1, 1, 1, 1};
  const std::vector<std::vector<std::size_t>> neighbours{{1, 2, 3, 4}, {0}, {0}, {0}, {0}};
  const auto masses = with_heavy_hydrogens({12, 1, 1, 1, 1}, methane, neighbours, 2);
  EXPECT_EQ(masses, (std::vector<double>{8, 2, 2, 2, 2}));
  EXPECT_THROW(with_heavy_hydrogens({12, 1, 1, 1, 1}, methane, neighbours, 4), UsageError);
}

TEST(ShortTrajectories, DependOnTheirNumberAlone) {
  const Harmonic energy(4, 2);
  Configurations<double> starts(3, 4, 2);
  for (std::size_t k = 0; k < starts.size(); ++k) starts.data()[k] = static_cast<double>(k % 7) - 3;
  remove_mean(starts.view());
  const LangevinOptions options{0.1, 0.5, {}};
  ThreadPool one(1), two(2);
  const auto all = short_trajectories(energy, starts.view(), 5, 10, options, 3, two);
  const auto last = short_trajectories(energy, starts.view().slice(2, 1), 7, 10, options, 3, one);
  EXPECT_EQ(all.energy[2], last.energy[0]);
  EXPECT_NE(all.energy[2], all.energy[1]);
  EXPECT_EQ(all.status[0], EnergyStatus::ok);
}

TEST(ShortTrajectories, FramesAreDrawnByTheirWeights) {
  const std::vector<double> cumulative{1, 1, 4};  // 1, 0, 3
  std::vector<int> counts(3, 0);
  for (std::uint64_t number = 0; number < 4000; ++number) ++counts[draw_start(cumulative, number, 1)];
  EXPECT_EQ(counts[1], 0);
  EXPECT_NEAR(counts[0], 1000, 110);
}

}  // namespace
}  // namespace equibolt
