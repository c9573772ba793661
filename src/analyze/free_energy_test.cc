#include "analyze/free_energy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "core/random.h"
#include "io/npz.h"

namespace equibolt {
namespace {

const double infinity = std::numeric_limits<double>::infinity();

/// U_k(x) = ½ κ_k (x − c_k)², whose free energies are ½ ln κ_k up to a constant.
struct Harmonic {
  double centre;
  double stiffness;
  double energy(double x) const { return 0.5 * stiffness * (x - centre) * (x - centre); }
  double draw(Random& random) const { return centre + random.normal() / std::sqrt(stiffness); }
  double free_energy() const { return 0.5 * std::log(stiffness); }
};

/// n_k samples of each state, and the energy of each in every state, (K, N).
std::vector<double> harmonic_energies(const std::vector<Harmonic>& states,
                                      const std::vector<std::size_t>& n_k, Random& random) {
  std::vector<double> x;
  for (std::size_t k = 0; k < states.size(); ++k) {
    for (std::size_t n = 0; n < n_k[k]; ++n) x.push_back(states[k].draw(random));
  }
  std::vector<double> u;
  for (const Harmonic& state : states) {
    for (const double value : x) u.push_back(state.energy(value));
  }
  return u;
}

Estimate harmonic_bar(const Harmonic& a, const Harmonic& b, std::size_t n_a, std::size_t n_b,
                      Random& random) {
  std::vector<double> forward(n_a);
  std::vector<double> reverse(n_b);
  for (double& work : forward) {
    const double x = a.draw(random);
    work = b.energy(x) - a.energy(x);
  }
  for (double& work : reverse) {
    const double x = b.draw(random);
    work = a.energy(x) - b.energy(x);
  }
  return bar(forward, reverse);
}

/// The spread of (estimate − exact) / error over repetitions is 1 for honest errors.
class Calibration {
 public:
  void add(const Estimate& estimate, double exact) {
    const double z = (estimate.value - exact) / estimate.error;
    sum_ += z;
    squares_ += z * z;
    ++count_;
  }
  void expect_honest() const {
    const double mean = sum_ / count_;
    const double spread = std::sqrt(squares_ / count_);
    EXPECT_LE(std::abs(mean), 4.5 / std::sqrt(count_));
    EXPECT_LE(std::abs(spread - 1), 4.5 / std::sqrt(2 * count_)) << "spread of z scores " << spread;
  }

 private:
  double sum_ = 0;
  double squares_ = 0;
  double count_ = 0;
};

TEST(FreeEnergy, AgreesWithPymbar) {
  const Npz golden = read_npz(std::string(EQUIBOLT_SOURCE_DIR) + "/tests/golden/analyze/free_energy.npz");
  const Estimate two = bar(golden["forward"].as_double(), golden["reverse"].as_double());
  EXPECT_NEAR(two.value, golden["bar"].as_double()[0], 1e-9);
  EXPECT_NEAR(two.error, golden["bar_error"].as_double()[0], 1e-9);

  std::vector<std::size_t> n_k;
  for (const std::int64_t n : golden["n_k"].as_int64()) n_k.push_back(static_cast<std::size_t>(n));
  const Mbar all = mbar(golden["u_kn"].as_double(), n_k);
  EXPECT_TRUE(all.converged);
  const auto f = golden["f"].as_double();
  const auto error = golden["error"].as_double();
  const auto overlap = golden["overlap"].as_double();
  ASSERT_EQ(all.states(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(all.free_energies[i], f[i], 1e-8) << i;
    for (std::size_t j = 0; j < 4; ++j) {
      EXPECT_NEAR(all.difference(i, j).error, error[4 * i + j], 1e-6) << i << ' ' << j;
      EXPECT_NEAR(all.overlap[4 * i + j], overlap[4 * i + j], 1e-8) << i << ' ' << j;
    }
  }
}

TEST(Bar, MeetsTheExactHarmonicFreeEnergyWithHonestErrors) {
  const Harmonic a{0, 1};
  const Harmonic b{1.2, 4};
  Calibration calibration;
  for (std::uint64_t k = 0; k < 400; ++k) {
    Random random(11, Stream::test, k);
    calibration.add(harmonic_bar(a, b, 300, 150, random), b.free_energy() - a.free_energy());
  }
  calibration.expect_honest();
}

TEST(Bar, ReversedStatesGiveTheOppositeAndConstantsAddUp) {
  const std::vector<double> forward = {0.3, 1.2, -0.5, 2.0};
  const std::vector<double> reverse = {0.1, -0.9, 0.4};
  const Estimate there = bar(forward, reverse);
  const Estimate back = bar(reverse, forward);
  EXPECT_NEAR(there.value, -back.value, 1e-12);
  EXPECT_NEAR(there.error, back.error, 1e-12);
  // Also where every weight underflows.
  for (const double c : {3.0, 5000.0, -80000.0}) {
    auto shifted = forward;
    auto shifted_back = reverse;
    for (double& w : shifted) w += c;
    for (double& w : shifted_back) w -= c;
    EXPECT_NEAR(bar(shifted, shifted_back).value, there.value + c, 1e-9);
  }
  const Estimate apart = bar(std::vector<double>{4000, 4010}, std::vector<double>{4000, 4010});
  EXPECT_NEAR(apart.value, 0, 1e-9);
  EXPECT_GT(apart.error, 0.5);
}

TEST(Bar, InfiniteWorkIsAWeightOfZeroAndNaNAnError) {
  // Hard walls: uniform on [0, 1] against uniform on [0, 1/2]; ΔF = ln 2, from 3 of 6 forward samples.
  const std::vector<double> forward = {0, 0, 0, infinity, infinity, infinity};
  const std::vector<double> reverse = {0, 0, 0, 0, 0, 0};
  EXPECT_NEAR(bar(forward, reverse).value, std::log(2), 1e-12);
  EXPECT_THROW(bar(std::vector<double>{infinity}, reverse), NumericalError);
  EXPECT_THROW(bar(std::vector<double>{std::nan("")}, reverse), NumericalError);
  EXPECT_THROW(bar(std::vector<double>{-infinity}, reverse), NumericalError);
  EXPECT_THROW(bar({}, reverse), DataError);
}

TEST(MbarSolver, MeetsExactHarmonicFreeEnergiesWithHonestErrors) {
  const std::vector<Harmonic> states = {{0, 1}, {1, 3}, {2, 1.5}, {1.5, 6}};
  const std::vector<std::size_t> n_k = {100, 50, 120, 0};
  Calibration neighbours;
  Calibration unsampled;
  for (std::uint64_t k = 0; k < 300; ++k) {
    Random random(12, Stream::test, k);
    const Mbar result = mbar(harmonic_energies(states, n_k, random), n_k);
    ASSERT_TRUE(result.converged);
    neighbours.add(result.difference(1, 2), states[2].free_energy() - states[1].free_energy());
    unsampled.add(result.difference(0, 3), states[3].free_energy() - states[0].free_energy());
  }
  neighbours.expect_honest();
  unsampled.expect_honest();
}

TEST(MbarSolver, IsBarForTwoStates) {
  Random random(13, Stream::test);
  const std::vector<Harmonic> states = {{0, 1}, {1.5, 2}};
  const std::vector<std::size_t> n_k = {200, 100};
  const auto u = harmonic_energies(states, n_k, random);
  std::vector<double> forward(200);
  std::vector<double> reverse(100);
  for (std::size_t n = 0; n < 200; ++n) forward[n] = u[300 + n] - u[n];
  for (std::size_t n = 0; n < 100; ++n) reverse[n] = u[200 + n] - u[500 + n];
  const Mbar result = mbar(u, n_k);
  EXPECT_NEAR(result.free_energies[1], bar(forward, reverse).value, 1e-9);
  // Two estimates of the same variance, equal in the limit of many samples.
  EXPECT_NEAR(result.difference(0, 1).error, bar(forward, reverse).error, 1e-3);
  // The same in the other order, and the difference of a state from itself.
  EXPECT_NEAR(result.difference(1, 0).value, -result.free_energies[1], 1e-12);
  EXPECT_NEAR(result.difference(1, 1).error, 0, 1e-9);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NEAR(result.overlap[2 * i] + result.overlap[2 * i + 1], 1, 1e-9);
  }
}

TEST(MbarSolver, ConvergesForAChainOfManyWindowsAndLargeOffsets) {
  std::vector<Harmonic> states;
  std::vector<std::size_t> n_k;
  for (int k = 0; k < 30; ++k) {
    states.push_back({1.5 * k, 1.0 + 0.1 * k});
    n_k.push_back(100 + 10 * static_cast<std::size_t>(k % 3));
  }
  Random random(14, Stream::test);
  auto u = harmonic_energies(states, n_k, random);
  const std::size_t samples = u.size() / 30;
  for (std::size_t k = 0; k < 30; ++k) {
    for (std::size_t n = 0; n < samples; ++n) u[k * samples + n] += 40.0 * static_cast<double>(k);
  }
  const Mbar result = mbar(u, n_k);
  EXPECT_TRUE(result.converged);
  EXPECT_LE(result.iterations, 60U);
  const Estimate far = result.difference(0, 29);
  const double exact = states[29].free_energy() - states[0].free_energy() + 29 * 40.0;
  EXPECT_LE(std::abs(far.value - exact), 4.5 * far.error);
  EXPECT_LT(far.error, 2);
}

TEST(MbarSolver, StatesWithoutOverlapHaveHugeErrors) {
  Random random(15, Stream::test);
  const std::vector<Harmonic> states = {{0, 1}, {60, 1}};
  const std::vector<std::size_t> n_k = {50, 50};
  const Mbar result = mbar(harmonic_energies(states, n_k, random), n_k);
  EXPECT_GT(result.difference(0, 1).error, 1e3);
  EXPECT_LT(result.overlap[1], 1e-6);
}

TEST(MbarSolver, ErrorsOfStatesWithoutOverlapAreHugeWhereverTheyStand) {
  // Two pairs of states that overlap within each pair alone, by any distance between the pairs. Far apart the
  // equations have two null vectors, and only one of them is the common constant: the error must not depend
  // on how rounding mixes them.
  const std::vector<std::size_t> n_k = {40, 40, 40, 40};
  for (std::uint64_t number = 0; number < 40; ++number) {
    const double distance = std::vector{8.0, 20.0, 50.0, 200.0}[number % 4];
    Random random(18, Stream::test, number);
    const std::vector<Harmonic> states = {{0, 1}, {distance, 1}, {0.7, 1}, {distance + 0.7, 1}};
    const Mbar result = mbar(harmonic_energies(states, n_k, random), n_k);
    EXPECT_GT(result.difference(0, 1).error, 3) << distance;
    EXPECT_GT(result.difference(2, 3).error, 3) << distance;
    EXPECT_LT(result.difference(0, 2).error, 0.3) << distance;
    EXPECT_LT(result.difference(1, 3).error, 0.3) << distance;
    EXPECT_GT(result.difference(1, 3).error, 0.03) << distance;
    if (distance > 15) {
      EXPECT_FALSE(result.converged) << distance;
      EXPECT_GT(result.difference(0, 1).error, 1.5e6) << distance;
    }
  }
}

TEST(MbarSolver, ConstantsOfAnySizeAreExact) {
  // The same state twice but for a constant.
  for (const double constant : {800.0, -800.0, 1e6, -1e6, 1e9}) {
    Random random(17, Stream::test);
    std::vector<double> u(40);
    for (std::size_t n = 0; n < 20; ++n) u[n] = 0.5 * std::pow(random.normal(), 2);
    for (std::size_t n = 0; n < 20; ++n) u[20 + n] = u[n] + constant;
    const std::vector<std::size_t> n_k = {10, 10};
    const Mbar result = mbar(u, n_k);
    EXPECT_TRUE(result.converged) << constant;
    EXPECT_NEAR(result.free_energies[1] / constant, 1, 1e-14);
    EXPECT_NEAR(result.difference(0, 1).error, 0, 1e-6);
  }
}

TEST(MbarSolver, ACommonConstantAndOneOfEachStateChangeNothingElse) {
  Random random(19, Stream::test);
  const std::vector<Harmonic> states = {{0, 1}, {1, 2}, {1.5, 0.7}};
  const std::vector<std::size_t> n_k = {100, 50, 0};
  const std::vector<double> u = harmonic_energies(states, n_k, random);
  const Mbar before = mbar(u, n_k);
  const std::vector<double> constants = {-2e6, -2e6 + 5000, -2e6 - 900};
  std::vector<double> shifted = u;
  for (std::size_t k = 0; k < 3; ++k) {
    for (std::size_t n = 0; n < 150; ++n) shifted[k * 150 + n] += constants[k];
  }
  const Mbar after = mbar(shifted, n_k);
  EXPECT_TRUE(before.converged && after.converged);
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(after.free_energies[k] - before.free_energies[k], constants[k] - constants[0], 1e-7);
    EXPECT_NEAR(after.difference(0, k).error, before.difference(0, k).error, 1e-7);
  }
  for (std::size_t k = 0; k < 9; ++k) EXPECT_NEAR(after.overlap[k], before.overlap[k], 1e-8);
}

TEST(MbarSolver, MeetsExactFreeEnergiesWithHonestErrors) {
  const std::vector<Harmonic> states = {{0, 1}, {1.5, 2}, {3, 4}};
  const std::vector<std::size_t> n_k = {60, 40, 60};
  Calibration calibration;
  for (std::uint64_t k = 0; k < 300; ++k) {
    Random random(20, Stream::test, k);
    const Mbar result = mbar(harmonic_energies(states, n_k, random), n_k);
    calibration.add(result.difference(0, 2), states[2].free_energy() - states[0].free_energy());
  }
  calibration.expect_honest();
}

TEST(MbarSolver, InfiniteEnergiesAreWeightsOfZero) {
  // Nested boxes [0, 1] ⊃ [0, 1/2], 6 samples of the greater (3 inside the smaller), 6 of the smaller.
  std::vector<double> u(24, 0.0);
  for (std::size_t n = 0; n < 3; ++n) u[12 + n] = infinity;
  const std::vector<std::size_t> n_k = {6, 6};
  const Mbar result = mbar(u, n_k);
  EXPECT_TRUE(result.converged);
  EXPECT_NEAR(result.free_energies[1], std::log(2), 1e-9);
  u[0] = infinity;  // now sample 0 is possible nowhere
  EXPECT_THROW(mbar(u, n_k), NumericalError);
  u[0] = std::nan("");
  EXPECT_THROW(mbar(u, n_k), NumericalError);
  EXPECT_THROW(mbar(std::vector<double>(23), n_k), DataError);
}

TEST(MbarSolver, WeightsGiveMeansOfAnyState) {
  Random random(16, Stream::test);
  const std::vector<Harmonic> states = {{-1, 1}, {1, 1}};
  const std::vector<std::size_t> n_k = {20000, 20000};
  std::vector<double> x;
  for (const Harmonic& state : states) {
    for (int n = 0; n < 20000; ++n) x.push_back(state.draw(random));
  }
  std::vector<double> u;
  for (const Harmonic& state : states) {
    for (const double value : x) u.push_back(state.energy(value));
  }
  const Harmonic target{0.3, 2};
  std::vector<double> u_target;
  for (const double value : x) u_target.push_back(target.energy(value));
  const auto log_weights = mbar(u, n_k).log_weights(u_target);
  double sum = 0;
  double mean = 0;
  double square = 0;
  for (std::size_t n = 0; n < x.size(); ++n) {
    const double w = std::exp(log_weights[n]);
    sum += w;
    mean += w * x[n];
    square += w * x[n] * x[n];
  }
  mean /= sum;
  EXPECT_NEAR(mean, 0.3, 0.02);
  EXPECT_NEAR(square / sum - mean * mean, 0.5, 0.02);
}

}  // namespace
}  // namespace equibolt
