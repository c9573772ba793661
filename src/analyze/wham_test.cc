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

TEST(Wham, RefusesWhatDoesNotFit) {
  const std::vector<double> two{1, 1}, none{0, 0}, four{0, 0, 0, 0};
  EXPECT_THROW((void)wham(two, two, two), DataError);
  EXPECT_THROW((void)wham(none, two, four), DataError);
  EXPECT_THROW((void)wham(two, two, four, std::vector<double>{1}), DataError);
}

}  // namespace
}  // namespace equibolt
