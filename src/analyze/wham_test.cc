#include "analyze/wham.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "analyze/free_energy.h"
#include "core/random.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

/// A discrete world: U(b) = 2 cos(2πb/B) on B places, and K biases that pull to K of them.
struct World {
  static constexpr std::size_t places = 40, states = 6;
  std::vector<double> energy, bias;

  World() {
    for (std::size_t b = 0; b < places; ++b) energy.push_back(2 * std::cos(angle(b)));
    for (std::size_t k = 0; k < states; ++k) {
      for (std::size_t b = 0; b < places; ++b)
        bias.push_back(4 * (1 - std::cos(angle(b) - angle(k * places / states))));
    }
  }
  static double angle(std::size_t b) { return 2 * std::numbers::pi * static_cast<double>(b) / places; }
  /// Normalised exp(−U − bias_k), and −ln of its sum over that of exp(−U).
  std::vector<double> distribution(std::size_t k, double& free_energy) const {
    std::vector<double> p;
    double sum = 0, unbiased = 0;
    for (std::size_t b = 0; b < places; ++b) {
      p.push_back(std::exp(-energy[b] - bias[k * places + b]));
      sum += p.back();
      unbiased += std::exp(-energy[b]);
    }
    for (double& value : p) value /= sum;
    free_energy = -std::log(sum / unbiased);
    return p;
  }
};

TEST(Wham, IsExactForExactHistograms) {
  const World world;
  std::vector<double> counts(World::places, 0.0), samples, exact;
  for (std::size_t k = 0; k < World::states; ++k) {
    samples.push_back(100.0 * static_cast<double>(k + 1));
    double free_energy = 0;
    const auto p = world.distribution(k, free_energy);
    exact.push_back(free_energy);
    for (std::size_t b = 0; b < World::places; ++b) counts[b] += samples[k] * p[b];
  }
  const Wham result = wham(counts, samples, world.bias);
  ASSERT_TRUE(result.converged);
  for (std::size_t k = 0; k < World::states; ++k) EXPECT_NEAR(result.free_energies[k], exact[k], 1e-7);
  double sum = 0;
  for (std::size_t b = 0; b < World::places; ++b) {
    sum += result.probability[b];
    EXPECT_NEAR(std::log(result.probability[b] / result.probability[0]), world.energy[0] - world.energy[b],
                1e-7);
  }
  EXPECT_NEAR(sum, 1, 1e-12);
}

TEST(Wham, IsMbarOnBins) {
  const World world;
  std::vector<double> counts(World::places, 0.0), samples(World::states, 50.0);
  std::vector<std::size_t> drawn, n_k(World::states, 50);
  for (std::size_t k = 0; k < World::states; ++k) {
    double unused = 0;
    const auto p = world.distribution(k, unused);
    Random random(2, Stream::test, 0, k);
    for (int n = 0; n < 50; ++n) {
      double rest = random.uniform();
      std::size_t b = 0;
      while (b + 1 < World::places && rest > p[b]) rest -= p[b++];
      drawn.push_back(b);
      counts[b] += 1;
    }
  }
  std::vector<double> u_kn;
  for (std::size_t k = 0; k < World::states; ++k) {
    for (const std::size_t b : drawn) u_kn.push_back(world.bias[k * World::places + b]);
  }
  const Mbar reference = mbar(u_kn, n_k);
  const Wham result = wham(counts, samples, world.bias);
  ASSERT_TRUE(result.converged && reference.converged);
  for (std::size_t k = 1; k < World::states; ++k) {
    EXPECT_NEAR(result.free_energies[k] - result.free_energies[0], reference.free_energies[k], 1e-6);
  }
  // From where it ended it has nothing to do.
  EXPECT_LE(wham(counts, samples, world.bias, result.free_energies).iterations, 2U);
}

TEST(Wham, ConstantsInTheBiasesAreExact) {
  const World world;
  std::vector<double> counts(World::places, 0.0), samples(World::states, 100.0), exact;
  std::vector<double> bias = world.bias;
  for (std::size_t k = 0; k < World::states; ++k) {
    double free_energy = 0;
    const auto p = world.distribution(k, free_energy);
    const double constant = (k % 2 == 0 ? 900.0 : -1e6) * static_cast<double>(k);
    exact.push_back(free_energy + constant);
    for (std::size_t b = 0; b < World::places; ++b) {
      counts[b] += samples[k] * p[b];
      bias[k * World::places + b] += constant;
    }
  }
  const Wham result = wham(counts, samples, bias);
  EXPECT_TRUE(result.converged);
  for (std::size_t k = 0; k < World::states; ++k) EXPECT_NEAR(result.free_energies[k], exact[k], 1e-7);
  EXPECT_NEAR(std::log(result.probability[3] / result.probability[0]), world.energy[0] - world.energy[3],
              1e-7);
}

/// K windows around a circle of 720 bins, of which each has the histogram of its own Gaussian.
struct Windows {
  std::vector<double> bias, counts, samples;
  Windows(std::size_t states, double stiffness, bool all_at_one_angle) {
    constexpr std::size_t bins = 720;
    counts.assign(bins, 0.0);
    samples.assign(states, 1000.0);
    for (std::size_t k = 0; k < states; ++k) {
      std::vector<double> p;
      for (std::size_t b = 0; b < bins; ++b) {
        const double from =
            static_cast<double>(b) / bins - static_cast<double>(k) / static_cast<double>(states);
        const double difference = 2 * std::numbers::pi * (from - std::round(from));
        bias.push_back(0.5 * stiffness * difference * difference);
        p.push_back(std::exp(-bias.back()));
      }
      double sum = 0;
      for (const double value : p) sum += value;
      for (std::size_t b = 0; b < bins && !all_at_one_angle; ++b) counts[b] += std::round(1000 * p[b] / sum);
    }
    if (all_at_one_angle) counts[100] = 1000.0 * static_cast<double>(states);
  }
};

TEST(Wham, WindowsThatDoNotOverlapAreNotConverged) {
  const Windows apart(12, 2000, false);
  const Wham result = wham(apart.counts, apart.samples, apart.bias);
  EXPECT_FALSE(result.converged);
  for (const double f : result.free_energies) EXPECT_TRUE(std::isfinite(f));
  double sum = 0;
  for (const double p : result.probability) sum += p;
  EXPECT_NEAR(sum, 1, 1e-9);
}

TEST(Wham, AllSamplesAtOneAngleHaveTheBiasesThere) {
  // One bin, whatever the windows are: f_k = bias_k there, up to 987 kT.
  const Windows stuck(12, 200, true);
  const Wham result = wham(stuck.counts, stuck.samples, stuck.bias);
  for (std::size_t k = 0; k < 12; ++k) EXPECT_NEAR(result.free_energies[k], stuck.bias[k * 720 + 100], 1e-9);
  EXPECT_NEAR(result.probability[100], 1, 1e-12);
}

TEST(Wham, OverlapsOfManySizesAreSolvedToTheLastDigit) {
  // The exact solution for exact histograms, where a fixed-point iteration takes a step of 1e-6 and less.
  for (const double stiffness : {5.0, 50.0, 150.0}) {
    Windows windows(12, stiffness, false);
    std::vector<double> exact;
    std::ranges::fill(windows.counts, 0.0);
    for (std::size_t k = 0; k < 12; ++k) {
      double sum = 0;
      for (std::size_t b = 0; b < 720; ++b) sum += std::exp(-windows.bias[k * 720 + b]) / 720;
      exact.push_back(-std::log(sum));
      for (std::size_t b = 0; b < 720; ++b) {
        windows.counts[b] += 1000 * std::exp(-windows.bias[k * 720 + b]) / 720 / sum;
      }
    }
    std::vector<double> start = exact;
    for (std::size_t k = 0; k < 12; ++k) start[k] += 5 * std::sin(static_cast<double>(k));
    const Wham result = wham(windows.counts, windows.samples, windows.bias, start);
    EXPECT_TRUE(result.converged) << stiffness;
    EXPECT_GE(result.iterations, 2U) << stiffness;
    EXPECT_LE(result.iterations, 60U) << stiffness;
    for (std::size_t k = 0; k < 12; ++k) EXPECT_NEAR(result.free_energies[k], exact[k], 1e-5) << stiffness;
  }
}

TEST(Wham, RefusesWhatDoesNotFit) {
  const std::vector<double> two{1, 1}, none{0, 0}, four{0, 0, 0, 0};
  EXPECT_THROW((void)wham(two, two, two), DataError);
  EXPECT_THROW((void)wham(none, two, four), DataError);
  EXPECT_THROW((void)wham(two, two, four, std::vector<double>{1}), DataError);
  const double nan = std::nan("");
  EXPECT_THROW((void)wham(std::vector<double>{1, -1}, two, four), DataError);
  EXPECT_THROW((void)wham(two, std::vector<double>{1, nan}, four), DataError);
  EXPECT_THROW((void)wham(two, two, std::vector<double>{0, 0, nan, 0}), NumericalError);
  EXPECT_THROW((void)wham(two, two, four, std::vector<double>{0, nan}), NumericalError);
}

}  // namespace
}  // namespace equibolt
