#include "simulate/simulate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <tuple>
#include <vector>

#include "analyze/two_sample.h"
#include "core/geometry.h"
#include "core/random.h"
#include "equibolt/error.h"
#include "io/npz.h"
#include "simulate/hmc.h"
#include "simulate/log_z.h"
#include "simulate/relax.h"
#include "simulate/simulation_file.h"
#include "system/make_energy.h"

namespace equibolt {
namespace {

/// How many standard errors an estimate is away from the exact value.
double deviation(const Estimate& estimate, double exact) {
  return std::abs(estimate.value - exact) / estimate.error;
}
double deviation(const ChainEstimate& estimate, double exact) {
  return deviation(estimate.estimate, exact);
}

/// DW4 by quadrature: with particles 1 and 2 a distance r apart, the other two are a two-dimensional
/// convolution, summed by FFT on grids of 192² to 320² points, which agree in all these digits.
constexpr double dw4_log_z = 24.1536010;
constexpr double dw4_mean_energy = -22.5415096;

/// A harmonic energy with a mistake.
class Mistaken : public Harmonic {
 public:
  enum class Mistake { none, wrong_gradient, always_accepted };
  explicit Mistaken(Mistake mistake) : Harmonic(4, 3, {.stiffness = 2}), mistake_(mistake) {}
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    Harmonic::evaluate(x, energy, gradient, status);
    if (mistake_ == Mistake::wrong_gradient) {
      for (double& value : gradient.values()) value *= 0.9;
    }
  }
  Mistake mistake() const { return mistake_; }

 private:
  Mistake mistake_;
};

/// A harmonic energy that counts, with all its clones, the configurations that it is evaluated for.
class Counting : public Harmonic {
 public:
  Counting() : Harmonic(4, 3, {.stiffness = 2}), count_(std::make_shared<std::atomic<std::size_t>>(0)) {}
  std::unique_ptr<Energy> clone() const override { return std::make_unique<Counting>(*this); }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    *count_ += x.count();
    Harmonic::evaluate(x, energy, gradient, status);
  }
  std::size_t count() const { return *count_; }

 private:
  std::shared_ptr<std::atomic<std::size_t>> count_;
};

TEST(Simulation, KnowsHowOftenTheEnergyIsEvaluated) {
  ThreadPool pool(2);
  for (const auto& [mover, path, rungs] :
       {std::tuple{MoverKind::hmc, Path::prior, 3}, std::tuple{MoverKind::hmc, Path::temperature, 3},
        std::tuple{MoverKind::langevin, Path::temperature, 1}}) {
    SimulateOptions options{.mover = mover, .samples = 100, .chains = 4, .path = path};
    options.rungs = static_cast<std::size_t>(rungs);
    options.leapfrog_steps = 5;
    options.burn_in = options.pilot = 100;
    options.start.assign(12, 0.0);  // so that nothing is relaxed before: one evaluation for all chains
    for (std::size_t k = 0; k < 12; ++k) options.start[k] = std::sin(static_cast<double>(k));
    const Counting energy;
    Simulation simulation(energy, options, pool);
    while (!simulation.finished()) simulation.advance();
    EXPECT_EQ(gradient_evaluations(options, simulation.state().iteration) + 1, energy.count());
  }
}

/// 64 walkers of one rung of a harmonic system, each from its own prior sample.
class Walkers {
 public:
  Walkers(Mistaken& energy, double step_size)
      : energy_(energy), x_(count, 4, 3), gradient_(count, 4, 3), energies_(count) {
    for (std::size_t w = 0; w < count; ++w) {
      Random random(1, Stream::walkers, 0, w);
      mean_free_normal(random, x_[w], 3);
    }
    std::vector<EnergyStatus> status(count);
    energy.evaluate(x_, energies_, gradient_, status);
    for (std::size_t w = 0; w < count; ++w) {
      walkers_.push_back({.id = w,
                          .rung = {1, 0},
                          .step_size = step_size,
                          .x = x_[w],
                          .gradient = gradient_[w],
                          .energy = &energies_[w]});
    }
  }
  void move(std::size_t leapfrog_steps) {
    // To know no energy at the start is to accept whatever comes.
    if (energy_.mistake() == Mistaken::Mistake::always_accepted) {
      std::fill(energies_.begin(), energies_.end(), std::numeric_limits<double>::infinity());
    }
    hmc_step(energy_, walkers_, leapfrog_steps, 1, iteration_++, scratch_);
  }
  const std::vector<Walker>& get() const { return walkers_; }

  static constexpr std::size_t count = 64;

 private:
  Mistaken& energy_;
  Configurations<double> x_, gradient_;
  std::vector<double> energies_;
  std::vector<Walker> walkers_;
  MoveScratch scratch_;
  std::uint64_t iteration_ = 0;
};

/// ⟨Σ|x|²⟩ under long steps, with its error from the spread of the walkers' means; exact is f/k = 4.5.
Estimate mean_square(Mistaken::Mistake mistake) {
  Mistaken energy(mistake);
  Walkers walkers(energy, 0.7);
  std::vector<double> sums(Walkers::count, 0.0);
  constexpr int moves = 1000;
  for (int move = -50; move < moves; ++move) {
    walkers.move(3);
    if (move < 0) continue;
    for (std::size_t w = 0; w < sums.size(); ++w) sums[w] += 2 * half_square(walkers.get()[w].x) / moves;
  }
  return mean(sums);
}

TEST(Hmc, IsExactForLongStepsAndNotWithoutMetropolis) {
  const double exact = 9 / 2.0;
  EXPECT_LE(deviation(mean_square(Mistaken::Mistake::none), exact), 3);
  EXPECT_GT(deviation(mean_square(Mistaken::Mistake::always_accepted), exact), 20);
  // A wrong gradient costs acceptance, but Metropolis still makes the result right.
  EXPECT_LE(deviation(mean_square(Mistaken::Mistake::wrong_gradient), exact), 3);
}

/// By how much the rejections of a trajectory of given length fall when its steps are halved.
double gain_of_halved_steps(Mistaken::Mistake mistake) {
  const auto rejection = [&](double step_size, std::size_t steps) {
    Mistaken energy(mistake);
    Walkers walkers(energy, step_size);
    double sum = 0;
    for (int move = 0; move < 200; ++move) {
      walkers.move(steps);
      for (const Walker& walker : walkers.get()) sum += 1 - walker.acceptance;
    }
    return sum;
  };
  return rejection(0.3, 4) / rejection(0.15, 8);
}

TEST(Hmc, ItsEnergyErrorIsOfSecondOrderUnlessTheGradientIsWrong) {
  EXPECT_NEAR(gain_of_halved_steps(Mistaken::Mistake::none), 4, 0.5);
  EXPECT_LT(gain_of_halved_steps(Mistaken::Mistake::wrong_gradient), 2);
}

TEST(Ladder, EvenLadderSharesTheBarrierEvenly) {
  // A barrier that grows as the coordinate does, 3 times as fast in the upper half.
  const auto barrier = [](double lambda) {
    const double s = ladder_coordinate(lambda);
    return s < 0.5 ? s : 0.5 + 3 * (s - 0.5);
  };
  const auto rejections = [&](const std::vector<double>& lambda) {
    std::vector<double> result;
    for (std::size_t k = 0; k + 1 < lambda.size(); ++k) {
      result.push_back(0.2 * (barrier(lambda[k]) - barrier(lambda[k + 1])));
    }
    return result;
  };
  std::vector<double> lambda = initial_ladder(9, 0.0);
  EXPECT_EQ(lambda.front(), 1);
  EXPECT_EQ(lambda.back(), 0);
  EXPECT_GT(rejections(lambda).front(), 2 * rejections(lambda).back());
  for (int round = 0; round < 3; ++round) lambda = even_ladder(lambda, rejections(lambda));
  EXPECT_EQ(lambda.front(), 1);
  EXPECT_EQ(lambda.back(), 0);
  for (const double rejection : rejections(lambda)) EXPECT_NEAR(rejection, 0.2 * 2.0 / 8, 1e-6);
}

TEST(Ladder, AnInfiniteEnergyHasNoSayWhereItsWeightIsZero) {
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_EQ(reduced_energy(rung_at(Path::prior, 0), infinite, 3), 3);
  EXPECT_EQ(reduced_energy(rung_at(Path::prior, 1e-9), infinite, 3), infinite);
  EXPECT_EQ(reduced_energy(rung_at(Path::temperature, 0.5), 4, 3), 2);
}

TEST(Relax, TakesOverlappingParticlesApart) {
  LennardJones energy(13, 3);
  Configurations<double> x(20, 13, 3), gradient = x;
  for (std::size_t b = 0; b < x.count(); ++b) {
    Random random(1, Stream::walkers, 0, b);
    mean_free_normal(random, x[b], 3);
    for (double& value : x[b]) value *= 0.1;
  }
  std::vector<double> energies(20);
  relax(energy, x, energies, gradient);
  for (const double value : energies) EXPECT_LE(value, 0);
}

/// An energy that is NaN beyond a distance, and says that all is well.
class Silent : public Harmonic {
 public:
  Silent() : Harmonic(3, 2) {}
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    Harmonic::evaluate(x, energy, gradient, status);
    for (double& value : energy) {
      if (value > 3) value = std::nan("");
    }
  }
  std::unique_ptr<Energy> clone() const override { return std::make_unique<Silent>(*this); }
};

TEST(Simulate, AnEnergyOfNaNIsNeverAccepted) {
  Silent energy;
  Configurations<double> x(1, 3, 2), gradient(1, 3, 2);
  x[0][0] = 1;
  remove_mean(x[0], 2);
  double value = 0;
  EnergyStatus status{};
  energy.evaluate(x, std::span(&value, 1), gradient, std::span(&status, 1));
  const HmcMover hmc(5);
  const LangevinMover langevin(5, {0.5, 0.5, {}});
  int met = 0;
  for (const Mover* mover : std::initializer_list<const Mover*>{&hmc, &langevin}) {
    Walker walker{
        .id = 0, .rung = {1, 0}, .step_size = 0.5, .x = x[0], .gradient = gradient[0], .energy = &value};
    MoveScratch scratch;
    for (std::uint64_t iteration = 0; iteration < 400; ++iteration) {
      mover->move(energy, std::span(&walker, 1), 1, iteration, scratch);
      EXPECT_TRUE(value <= 3) << value;
      if (walker.status != EnergyStatus::ok) ++met;
    }
  }
  EXPECT_GT(met, 20);
  EXPECT_EQ(acceptance_of(std::nan("")), 0);
  EXPECT_EQ(acceptance_of(2), 1);
  EXPECT_EQ(acceptance_of(-1), std::exp(-1));
}

TEST(Simulate, RungsWithoutOverlapCostLogZAlone) {
  ThreadPool pool(2);
  const SimulateOptions options{
      .samples = 200, .chains = 4, .rungs = 3, .leapfrog_steps = 8, .burn_in = 400, .pilot = 100};
  const SimulationResult result = simulate(Harmonic(4, 2, {.stiffness = 1e12}), options, pool);
  EXPECT_FALSE(result.log_z.has_value());
  ASSERT_EQ(result.diagnostics.overlap.size(), 2U);
  EXPECT_LT(*std::min_element(result.diagnostics.overlap.begin(), result.diagnostics.overlap.end()), 0.03);
  EXPECT_EQ(result.samples.count(), 200U);
  EXPECT_NEAR(result.mean_energy.estimate.value, 3, 5 * result.mean_energy.estimate.error);
}

SimulateOptions small_options() {
  return {
      .samples = 500, .chains = 6, .rungs = 5, .leapfrog_steps = 8, .burn_in = 120, .pilot = 160, .seed = 11};
}

TEST(Simulate, AHarmonicSystemHasItsClosedForms) {
  ThreadPool pool(2);
  const Harmonic energy(5, 3, {.stiffness = 3});
  const auto result = simulate(
      energy, {.samples = 20000, .chains = 16, .rungs = 4, .leapfrog_steps = 8, .burn_in = 400, .pilot = 400},
      pool);
  EXPECT_LE(deviation(result.mean_energy, 6), 3);
  EXPECT_LE(result.mean_energy.estimate.error, 0.03);
  ASSERT_TRUE(result.log_z.has_value());
  EXPECT_LE(deviation(*result.log_z, harmonic_log_z(5, 3, 3)), 3);
  EXPECT_LE(result.log_z->estimate.error, 0.02);
  EXPECT_LE(result.mean_energy.r_hat, 1.01);
  double square = 0;
  double largest_mean = 0;
  for (std::size_t b = 0; b < result.samples.count(); ++b) {
    for (const float value : result.samples[b]) square += static_cast<double>(value * value) / 20000;
    largest_mean = std::max(
        largest_mean,
        std::abs(static_cast<double>(result.samples[b][0] + result.samples[b][3] + result.samples[b][6] +
                                     result.samples[b][9] + result.samples[b][12])));
  }
  EXPECT_NEAR(square, 12 / 3.0, 0.1);
  EXPECT_LE(largest_mean, 1e-5);
}

TEST(Simulate, Dw4AgreesWithQuadratureAndAnotherPotentialDoesNotSlow) {
  ThreadPool pool(2);
  SimulateOptions options{.samples = 4000, .burn_in = 480, .pilot = 400};
  const auto result = simulate(DoubleWell(4, 2), options, pool);
  EXPECT_LE(deviation(*result.log_z, dw4_log_z), 3);
  EXPECT_LE(deviation(result.mean_energy, dw4_mean_energy), 3);
  EXPECT_LE(result.log_z->estimate.error, 0.05);
  EXPECT_LE(result.mean_energy.estimate.error, 0.04);
  for (const ChainEstimate& estimate : {*result.log_z, result.mean_energy}) {
    EXPECT_GT(estimate.chain_error, 0.6 * estimate.estimate.error);
    EXPECT_LT(estimate.chain_error, 1.6 * estimate.estimate.error);
    EXPECT_LE(estimate.r_hat, 1.01);
  }
  for (const double overlap : result.diagnostics.overlap) EXPECT_GT(overlap, 0.3);
  const double even = result.diagnostics.barrier / 9;
  for (const double accepted : result.diagnostics.exchange_acceptance) EXPECT_NEAR(1 - accepted, even, 0.1);
  for (std::size_t k = 0; k + 1 < options.rungs; ++k) {
    EXPECT_NEAR(result.diagnostics.acceptance[k], options.acceptance, 0.06);
  }

  options.samples = 1000;
  const auto other = simulate(DoubleWell(4, 2, {.b = -3.9}), options, pool);
  EXPECT_GT(deviation(*other.log_z, dw4_log_z), 6);
  EXPECT_GT(deviation(other.mean_energy, dw4_mean_energy), 6);
}

TEST(Simulate, TheTemperaturePathAndPlainHmcSampleTheSame) {
  ThreadPool pool(2);
  SimulateOptions options{.samples = 4000,
                          .rungs = 4,
                          .path = Path::temperature,
                          .lowest_beta = 0.3,
                          .burn_in = 800,
                          .pilot = 400};
  const auto hot = simulate(DoubleWell(4, 2), options, pool);
  EXPECT_LE(deviation(hot.mean_energy, dw4_mean_energy), 3);
  EXPECT_FALSE(hot.log_z.has_value());
  options.rungs = 1;
  const auto plain = simulate(DoubleWell(4, 2), options, pool);
  EXPECT_LE(deviation(plain.mean_energy, dw4_mean_energy), 3);
  EXPECT_GT(plain.diagnostics.thinning, hot.diagnostics.thinning);
  EXPECT_GT(hot.diagnostics.renewal_rate.value_or(0), 0.001);
  EXPECT_FALSE(plain.diagnostics.renewal_rate.has_value());  // no rung from which to be renewed
}

TEST(Simulate, Lj13AgreesWithOtherProgramsAndPublishedSamplesSlow) {
  ThreadPool pool(2);
  const SimulateOptions options{.samples = 3000, .rungs = 12, .burn_in = 480, .pilot = 200};
  Simulation simulation(LennardJones(13, 3), options, pool);
  while (!simulation.finished()) simulation.advance();
  const auto result = result_of(simulation);
  // Parallel tempering with BAR by another program: 26.77 ± 0.03 and −42.93 ± 0.04.
  EXPECT_LE(std::abs(result.log_z->estimate.value - 26.77),
            3 * std::hypot(result.log_z->estimate.error, 0.03));
  EXPECT_LE(std::abs(result.mean_energy.estimate.value + 42.93),
            3 * std::hypot(result.mean_energy.estimate.error, 0.04));
  EXPECT_LE(result.log_z->estimate.error, 0.1);
  EXPECT_LE(result.mean_energy.estimate.error, 0.2);

  // Energies and mean distances of published samples, with two epsilon for each pair
  // (tests/golden/README.md).
  const Npz published =
      read_npz(std::string(EQUIBOLT_SOURCE_DIR) + "/tests/golden/system/lj13_published.npz");
  const auto r12 = published["r12"].as_double(), r6 = published["r6"].as_double(),
             square = published["square"].as_double();
  const auto published_distances = published["mean_distance"].as_double();
  std::vector<double> energies(r12.size()), distances;
  for (std::size_t b = 0; b < energies.size(); ++b) energies[b] = 2 * (r12[b] - 2 * r6[b]) + square[b] / 2;
  const auto samples = converted<double>(result.samples.view());
  for (std::size_t b = 0; b < samples.count(); ++b) distances.push_back(observe(samples[b], 3, 0)[1]);
  const auto& sampled = result.diagnostics.sampled;
  const auto p_value = [](std::span<const double> own, double time, std::span<const double> other) {
    return kolmogorov_smirnov({.values = own, .autocorrelation_time = time}, {.values = other}).p_value;
  };
  EXPECT_GT(p_value(result.energy, sampled[0].autocorrelation_time, energies), 1e-3);
  EXPECT_GT(p_value(distances, sampled[1].autocorrelation_time, published_distances), 1e-3);
  std::vector<double> next_rung;  // energies at λ of about 0.85
  for (std::size_t w = 1; w < simulation.state().sample_energy.size(); w += options.rungs) {
    next_rung.push_back(simulation.state().sample_energy[w]);
  }
  EXPECT_LT(p_value(next_rung, 2, energies), 1e-6);
}

void expect_same_bits(const SimulationResult& a, const SimulationResult& b) {
  ASSERT_EQ(a.samples.size(), b.samples.size());
  for (std::size_t k = 0; k < a.samples.size(); ++k) ASSERT_EQ(a.samples.data()[k], b.samples.data()[k]);
  EXPECT_EQ(a.energy, b.energy);
  EXPECT_EQ(a.log_z->estimate.value, b.log_z->estimate.value);
  EXPECT_EQ(a.diagnostics.step_size, b.diagnostics.step_size);
  EXPECT_EQ(a.diagnostics.lambda, b.diagnostics.lambda);
}

TEST(Simulation, ItsBitsDoNotDependOnThreads) {
  ThreadPool one(1);
  ThreadPool three(3);
  const DoubleWell energy(4, 2);
  const auto a = simulate(energy, small_options(), one);
  expect_same_bits(a, simulate(energy, small_options(), three));
  SimulateOptions other_seed = small_options();
  other_seed.seed = 12;
  EXPECT_NE(a.energy, simulate(energy, other_seed, one).energy);
}

/// Advances by the smallest parts and goes through a file after each 7th of them. Where `ahead`, chains are
/// ahead of others then; those of a cheap energy all move in one part.
SimulationResult in_small_parts(const Energy& energy, const SimulateOptions& options, ThreadPool& pool,
                                bool ahead) {
  const auto path = std::filesystem::path(testing::TempDir()) / "simulation_state.npz";
  auto simulation = std::make_unique<Simulation>(energy, options, pool);
  int parts = 0, within = 0;
  while (!simulation->finished()) {
    simulation->advance(0);
    if (++parts % 7 != 0) continue;
    if (simulation->state().ready > 0) ++within;
    write_npz(path, to_npz(simulation->state()));
    simulation = std::make_unique<Simulation>(energy, options, pool, simulation_state_from(read_npz(path)));
  }
  EXPECT_GT(parts, 100);
  EXPECT_TRUE(!ahead || within > 10) << within;
  std::filesystem::remove(path);
  return result_of(*simulation);
}

TEST(Simulation, StoppedAndResumedFromFilesItGivesTheSameBits) {
  ThreadPool one(1), two(2);
  const DoubleWell energy(4, 2);
  expect_same_bits(simulate(energy, small_options(), two),
                   in_small_parts(energy, small_options(), one, false));
}

SimulateOptions small_langevin_options() {
  SimulateOptions options = small_options();
  options.mover = MoverKind::langevin;
  options.langevin = {0.1, 0.3, {}};
  options.path = Path::temperature;
  options.lowest_beta = 0.3;
  options.rungs = 3;
  options.start = {0, 0, 4, 0, 0, 4, 4, 4};
  return options;
}

TEST(Simulation, OfLangevinDynamicsItIsTheSameInParts) {
  ThreadPool one(1), three(3);
  const DoubleWell energy(4, 2);
  const SimulationResult whole = simulate(energy, small_langevin_options(), three);
  const SimulationResult parts = in_small_parts(energy, small_langevin_options(), one, true);
  EXPECT_EQ(whole.energy, parts.energy);
  EXPECT_EQ(whole.diagnostics.lambda, parts.diagnostics.lambda);
}

TEST(Simulation, RefusesToMixDynamics) {
  ThreadPool pool(1);
  const DoubleWell energy(4, 2);
  const auto of_format_1 = [&](const SimulateOptions& options) {
    Npz npz = to_npz(Simulation(energy, options, pool).state());
    npz.arrays["format_version"] = Array::scalar(std::int64_t{1});
    npz.arrays.erase("mover");
    npz.arrays.erase("ready");
    return simulation_state_from(npz);
  };
  // What was Hamiltonian Monte Carlo goes on; Langevin dynamics was another one, and too hot.
  EXPECT_NO_THROW(Simulation(energy, small_options(), pool, of_format_1(small_options())));
  EXPECT_THROW(Simulation(energy, small_langevin_options(), pool, of_format_1(small_langevin_options())),
               DataError);
  SimulationState state = Simulation(energy, small_langevin_options(), pool).state();
  EXPECT_NO_THROW(Simulation(energy, small_langevin_options(), pool, state));
  state.mover = "hmc";
  EXPECT_THROW(Simulation(energy, small_langevin_options(), pool, state), DataError);
  Npz npz = to_npz(state);
  npz.arrays["format_version"] = Array::scalar(std::int64_t{4});
  EXPECT_THROW(simulation_state_from(npz), DataError);
}

TEST(Simulation, FewerSamplesAreTheFirstOfMore) {
  ThreadPool pool(2);
  const DoubleWell energy(4, 2);
  const auto more = simulate(energy, small_options(), pool);
  SimulateOptions options = small_options();
  options.samples = 77;
  const auto fewer = simulate(energy, options, pool);
  ASSERT_EQ(fewer.samples.count(), 77U);
  for (std::size_t k = 0; k < fewer.samples.size(); ++k) {
    ASSERT_EQ(fewer.samples.data()[k], more.samples.data()[k]);
  }
}

TEST(Simulation, RefusesAnotherSystemsStateAndOptionsWithoutSense) {
  ThreadPool pool(1);
  const DoubleWell energy(4, 2);
  const SimulationState state = Simulation(energy, small_options(), pool).state();
  EXPECT_NO_THROW(Simulation(energy, small_options(), pool, state));
  EXPECT_THROW(Simulation(DoubleWell(2, 4), small_options(), pool, state), DataError);
  SimulateOptions options = small_options();
  options.chains = 7;
  EXPECT_THROW(Simulation(energy, options, pool, state), DataError);
  options = small_options();
  options.rungs = 4;
  EXPECT_THROW(Simulation(energy, options, pool, state), DataError);
  SimulationState late = state;
  late.iteration = 1000;
  EXPECT_THROW(Simulation(energy, small_options(), pool, late), DataError);
  options.rungs = 0;
  EXPECT_THROW(Simulation(energy, options, pool), UsageError);
  options = small_options();
  options.acceptance = std::nan("");
  EXPECT_THROW(Simulation(energy, options, pool), UsageError);
}

}  // namespace
}  // namespace equibolt
