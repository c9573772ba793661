#include "simulate/log_z.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/random.h"

namespace equibolt {
namespace {

constexpr std::size_t chains = 4;

/// U of exact samples of u = k U, U = ½ |x|² in f dimensions, for the k of each rung: (records, C, K).
std::vector<double> gaussian_energies(const std::vector<Rung>& rungs, std::size_t records, std::size_t f,
                                      std::uint64_t number) {
  Random random(3, Stream::test, number);
  std::vector<double> energy;
  for (std::size_t k = 0; k < chains * records * rungs.size(); ++k) {
    double square = 0;
    for (std::size_t d = 0; d < f; ++d) square += std::pow(random.normal(), 2);
    energy.push_back(square / 2 / rungs[k % rungs.size()].target);
  }
  return energy;
}

LogZ log_z_of_energies(const std::vector<Rung>& rungs, const std::vector<double>& energy) {
  return log_z_of(ladder_neighbours(rungs, energy, std::vector<double>(energy.size(), 0.0)), chains);
}

TEST(LogZ, OfExactGaussianSamplesIsExactWithAnHonestError) {
  // Between u = ½ k |x|² with k = 1, 2, 4 in f dimensions: ln(Z_first/Z_last) = −(f/2) ln 4, drawn anew many
  // times.
  const std::vector<Rung> rungs = {{4, 0}, {2, 0}, {1, 0}};
  const double exact = -0.5 * 6 * std::log(4.0);
  double squares = 0;
  constexpr int repeats = 200;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const LogZ result =
        log_z_of_energies(rungs, gaussian_energies(rungs, 250, 6, static_cast<std::uint64_t>(repeat)));
    ASSERT_TRUE(result.log_z.has_value());
    const Estimate estimate = result.log_z->estimate;
    squares += std::pow((estimate.value - exact) / estimate.error, 2) / repeats;
    for (const double overlap : result.overlap) EXPECT_NEAR(overlap, 0.39, 0.05);
  }
  EXPECT_NEAR(squares, 1, 5 * std::sqrt(2.0 / repeats));
}

TEST(LogZ, RungsThatHardlyOverlapHaveAnEstimateWithoutAnErrorBar) {
  // k = 1 and 4 in 24 dimensions: |x|² is 24 ± 7 and 6 ± 1.7.
  const std::vector<Rung> rungs = {{4, 0}, {1, 0}};
  const LogZ result = log_z_of_energies(rungs, gaussian_energies(rungs, 2000, 24, 0));
  ASSERT_EQ(result.overlap.size(), 1U);
  EXPECT_LT(result.overlap[0], LogZ::least_overlap);
  EXPECT_GT(result.overlap[0], 0.001);
  ASSERT_TRUE(result.log_z.has_value());
  EXPECT_NEAR(result.log_z->estimate.value, -12 * std::log(4.0), 1.5);
  EXPECT_EQ(result.log_z->estimate.error, std::numeric_limits<double>::infinity());
}

TEST(LogZ, RungsThatDoNotOverlapHaveNone) {
  // All weights underflow: the works are around 1e6 both ways.
  const std::vector<Rung> rungs = {{1e6, 0}, {1, 0}};
  const LogZ apart = log_z_of_energies(rungs, gaussian_energies(rungs, 50, 1000, 1));
  EXPECT_FALSE(apart.log_z.has_value());
  ASSERT_EQ(apart.overlap.size(), 1U);
  EXPECT_GE(apart.overlap[0], 0);
  EXPECT_LT(apart.overlap[0], 1e-100);

  // Samples of the second that the first does not allow at all, in the middle of a ladder that is good
  // otherwise.
  const std::vector<Rung> ladder = {{2, 0}, {1, 0}, {0, 1}};
  std::vector<double> energy = gaussian_energies({{2, 0}, {1, 0}, {1, 0}}, 100, 3, 2), half_square = energy;
  for (std::size_t t = 2; t < energy.size(); t += 3) energy[t] = std::numeric_limits<double>::infinity();
  const LogZ walled = log_z_of(ladder_neighbours(ladder, energy, half_square), chains);
  EXPECT_FALSE(walled.log_z.has_value());
  ASSERT_EQ(walled.overlap.size(), 2U);
  EXPECT_GT(walled.overlap[0], 0.3);
  EXPECT_EQ(walled.overlap[1], 0);
}

TEST(LogZ, AConstantInTheEnergyIsExact) {
  const std::vector<Rung> rungs = {{1, 0}, {0.5, 0}};
  std::vector<double> energy = gaussian_energies(rungs, 200, 4, 3);
  const LogZ before = log_z_of_energies(rungs, energy);
  for (double& value : energy) value -= 1e6;
  const LogZ after = log_z_of_energies(rungs, energy);
  ASSERT_TRUE(before.log_z && after.log_z);
  EXPECT_NEAR(after.log_z->estimate.value - before.log_z->estimate.value, 0.5e6, 1e-6);
  EXPECT_NEAR(after.log_z->estimate.error, before.log_z->estimate.error, 1e-8);
  EXPECT_NEAR(after.overlap[0], before.overlap[0], 1e-8);
}

}  // namespace
}  // namespace equibolt
