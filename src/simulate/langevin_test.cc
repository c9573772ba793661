#include "simulate/langevin.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <string>

#include "core/geometry.h"
#include "core/random.h"
#include "equibolt/error.h"
#include "simulate/short_trajectories.h"
#include "simulate/simulate.h"
#include "simulate/torsion_chain.h"
#include "system/dihedral_bias.h"
#include "system/double_well.h"
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

/// ⟨U⟩ of 64 walkers in a stiff well, each moving by short blocks with little friction (friction · time of a
/// block is 0.05), and its error from the spread of the walkers' means. Exact is f/2 = 3.
Estimate mean_energy_of_short_blocks(Adjustment adjustment) {
  constexpr std::size_t count = 64, blocks = 1500, burn_in = 100;
  Harmonic energy(4, 2);
  const LangevinOptions options{1.0, 0.01, {1, 1, 2, 3}};
  std::vector<double> means(count, 0.0);
  for (std::size_t w = 0; w < count; ++w) {
    Configurations<double> x(1, 4, 2), gradient(1, 4, 2);
    Random random(7, Stream::walkers, 0, w);
    mean_free_normal(random, x[0], 2);
    double value = 0;
    EnergyStatus status{};
    energy.evaluate(x, std::span(&value, 1), gradient, std::span(&status, 1));
    Walker walker{.id = w,
                  .rung = {1, 0},
                  .step_size = options.timestep,
                  .x = x[0],
                  .gradient = gradient[0],
                  .energy = &value};
    MoveScratch scratch;
    for (std::size_t block = 0; block < burn_in + blocks; ++block) {
      langevin_block(energy, walker, 5, options, adjustment, 3, block, scratch);
      if (block >= burn_in) means[w] += value / blocks;
    }
  }
  return mean(means);
}

TEST(Langevin, IsExactForLongStepsInShortBlocksAndNotWithoutMetropolis) {
  const Estimate exact = mean_energy_of_short_blocks(Adjustment::metropolis);
  EXPECT_LT(exact.error, 0.02);
  EXPECT_LE(std::abs(exact.value - 3) / exact.error, 3);
  // Momenta that are drawn anew and never rejected heat the well, by up to 1/(1 − ω²h²/4).
  const Estimate hot = mean_energy_of_short_blocks(Adjustment::none);
  EXPECT_GT((hot.value - 3) / hot.error, 20);
}

TEST(Langevin, SamplesAnAnharmonicEnergyExactlyOnALadder) {
  SimulateOptions options = langevin_simulation();
  options.langevin = {0.1, 0.1, {}};
  options.lowest_beta = 0.3;
  options.rungs = 4;
  options.leapfrog_steps = 10;
  options.burn_in = 400;
  options.pilot = 400;
  options.samples = 8000;
  options.start = {0, 0, 4, 0, 0, 4, 4, 4};
  ThreadPool pool(2);
  const SimulationResult result = simulate(DoubleWell(4, 2), options, pool);
  const Estimate mean_energy = result.mean_energy.estimate;
  EXPECT_LT(mean_energy.error, 0.06);
  EXPECT_LE(std::abs(mean_energy.value + 22.5415096) / mean_energy.error, 3);  // by quadrature
  for (const double acceptance : result.diagnostics.acceptance) {
    EXPECT_GT(acceptance, 0.3);
    EXPECT_LT(acceptance, 0.97);  // the time step is long
  }
}

TEST(Langevin, SamplesAHarmonicWellWithoutErrorOfTheStep) {
  ThreadPool pool(2);
  const SimulationResult result = simulate(Harmonic(4, 2), langevin_simulation(), pool);
  const Estimate mean = result.mean_energy.estimate;
  EXPECT_LT(mean.error, 0.05);
  EXPECT_NEAR(mean.value, 3, 4 * mean.error);
  for (std::size_t k = 0; k < 3; ++k) {  // the same dynamics on all rungs, by their own time steps
    EXPECT_NEAR(result.diagnostics.acceptance[k], result.diagnostics.acceptance[0], 0.01);
    EXPECT_GT(result.diagnostics.acceptance[k], 0.8);
  }
  EXPECT_LT(result.mean_energy.r_hat, 1.02);
}

/// The dihedral of each sample of a torsion chain, and the sample's chain.
struct Torsions {
  std::vector<double> phi;
  SimulationResult result;
};

Torsions temper(const Energy& energy, double lowest_beta) {
  SimulateOptions options = langevin_simulation();
  options.langevin = {0.03, 1.0, {}};
  options.lowest_beta = lowest_beta;
  options.rungs = 4;
  options.leapfrog_steps = 15;
  options.samples = 16000;
  options.burn_in = 300;
  options.start = TorsionChain::start();
  ThreadPool pool(2);
  Torsions torsions{{}, simulate(energy, options, pool)};
  for (std::size_t n = 0; n < torsions.result.samples.count(); ++n) {
    const auto sample = torsions.result.samples[n];
    torsions.phi.push_back(dihedral(std::vector<double>(sample.begin(), sample.end()), TorsionChain::atoms));
  }
  return torsions;
}

TEST(Langevin, TemperingFindsThePopulationsOfTwoStates) {
  // At temperature 1 the barriers are of 10 kT: alone, chains would hardly leave where they start.
  const TorsionChain chain(2, 5);
  const auto [phi, result] = temper(chain, 0.2);
  std::vector<std::vector<double>> inside(langevin_simulation().chains);
  for (std::size_t n = 0; n < phi.size(); ++n)
    inside[result.chain[n]].push_back(phi[n] > 0 && phi[n] < 3 ? 1.0 : 0.0);
  const ChainEstimate population = estimate_of(inside);
  const double exact = chain.population(0, 3);
  EXPECT_GT(result.diagnostics.renewal_rate, 0.01);
  EXPECT_LT(population.chain_error, 0.15 * exact);
  EXPECT_NEAR(population.estimate.value, exact,
              4 * std::max(population.chain_error, population.estimate.error));
}

TEST(Langevin, UnderABiasItFindsTheSamePopulationByWeights) {
  // The state has a hundredth of the probability, and under the bias a good part of it.
  const TorsionChain chain(4, 1);
  const double exact = chain.population(0.5, 1.5);
  const DihedralBias bias{TorsionChain::atoms, 100, 1, 8};
  const auto [phi, result] = temper(Biased(chain.clone(), bias), 0.3);
  std::vector<std::vector<double>> inside(langevin_simulation().chains), weights = inside;
  double share = 0;
  for (std::size_t n = 0; n < phi.size(); ++n) {
    const double in = phi[n] > 0.5 && phi[n] < 1.5 ? 1.0 : 0.0;
    inside[result.chain[n]].push_back(in);
    weights[result.chain[n]].push_back(std::exp(bias.energy(phi[n])));
    share += in / static_cast<double>(phi.size());
  }
  const ChainEstimate population = weighted_estimate_of(inside, weights);
  EXPECT_GT(share, 5 * exact);
  EXPECT_LT(population.estimate.error, 0.15 * exact);
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

/// Runs until it throws, and returns the message.
std::string message_of(const Energy& energy, const SimulateOptions& options) {
  ThreadPool pool(2);
  try {
    (void)simulate(energy, options, pool);
  } catch (const NumericalError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Langevin, ATimeStepThatIsTooLongStopsAtOnce) {
  SimulateOptions options = langevin_simulation();
  options.langevin = {2.2, 0.1, {}};  // stable below 2
  options.burn_in = 16000;  // the first thousand iterations settle: there it leaves the finite numbers
  const std::string diverged = message_of(Harmonic(4, 2), options);
  EXPECT_NE(diverged.find("no longer finite in iteration"), std::string::npos) << diverged;
  EXPECT_NE(diverged.find("chain"), std::string::npos) << diverged;
  EXPECT_NE(diverged.find("rung"), std::string::npos) << diverged;
  EXPECT_NE(diverged.find("simulate.timestep_fs"), std::string::npos) << diverged;
  options.langevin.timestep = 3;
  options.burn_in = 40;  // where it does not, since nothing is accepted before
  const std::string rejected = message_of(Harmonic(4, 2), options);
  EXPECT_NE(rejected.find("of the blocks of dynamics on rung"), std::string::npos) << rejected;
  EXPECT_NE(rejected.find("simulate.timestep_fs"), std::string::npos) << rejected;
}

/// Counts evaluations of single configurations that are far from the last one, unless it was told to forget.
class Following : public Harmonic {
 public:
  explicit Following(std::atomic<int>& jumps) : Harmonic(4, 2), jumps_(jumps) {}
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    Harmonic::evaluate(x, energy, gradient, status);
    if (x.count() != 1) return last_.clear();
    double square = 0;
    for (std::size_t k = 0; k < last_.size(); ++k) square += (x[0][k] - last_[k]) * (x[0][k] - last_[k]);
    if (square > 0.01) ++jumps_;
    last_.assign(x[0].begin(), x[0].end());
  }
  void forget() override { last_.clear(); }
  std::unique_ptr<Energy> clone() const override { return std::make_unique<Following>(*this); }

 private:
  std::atomic<int>& jumps_;
  std::vector<double> last_;
};

TEST(Langevin, AnEnergyFollowsEachWalkerByItself) {
  // So that what it keeps, such as a density, is never that of another rung or chain.
  std::atomic<int> jumps = 0;
  SimulateOptions options = langevin_simulation();
  options.langevin = {0.005, 1.0, {}};
  options.samples = 80;
  ThreadPool pool(2);
  (void)simulate(Following(jumps), options, pool);
  EXPECT_EQ(jumps, 0);
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
