#include "analyze/wasserstein.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/random.h"
#include "io/npz.h"

namespace equibolt {
namespace {

TEST(Wasserstein, OnALineIsTheOneOfLinearProgrammes) {
  const Npz golden = read_npz(EQUIBOLT_SOURCE_DIR "/tests/golden/analyze/metrics.npz");
  const auto values = [&](const char* name) { return golden.arrays.at(name).as_double(); };
  const auto a = values("line_a"), b = values("line_b"), log_weights = values("line_log_weights");
  EXPECT_NEAR(wasserstein2({.values = a}, {.values = b}), values("line_w2")[0], 1e-9);
  EXPECT_NEAR(wasserstein2({a, log_weights}, {.values = b}), values("line_w2_weighted")[0], 1e-9);
  EXPECT_NEAR(wasserstein2({.values = b}, {a, log_weights}), values("line_w2_weighted")[0], 1e-9);
}

TEST(Wasserstein, HasItsClosedFormsAndIgnoresWeightZero) {
  const std::vector<double> a = {1, 2, 3}, shifted = {4, 5, 6}, doubled = {1, 1, 2, 2, 3, 3};
  EXPECT_NEAR(wasserstein2({.values = a}, {.values = shifted}), 3, 1e-14);
  EXPECT_NEAR(wasserstein2({.values = a}, {.values = doubled}), 0, 1e-7);
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> wild = {1, 2, 3, infinity}, zero = {0, 0, 0, -infinity};
  EXPECT_NEAR(wasserstein2({wild, zero}, {.values = shifted}), 3, 1e-14);
  EXPECT_THROW((void)wasserstein2({.values = wild}, {.values = a}), NumericalError);
  EXPECT_THROW((void)wasserstein2({.values = {}}, {.values = a}), DataError);
  // N(0, 1) and N(1, 4): √(1 + (2 − 1)²).
  Random random(71, Stream::test);
  std::vector<double> x(100000), y(100000);
  for (double& value : x) value = random.normal();
  for (double& value : y) value = 1 + 2 * random.normal();
  EXPECT_NEAR(wasserstein2({.values = x}, {.values = y}), std::sqrt(2), 0.02);
  // The same by weights on x: a Gaussian's e^(x/2) shifts it by a half.
  std::vector<double> log_weights;
  for (const double value : x) log_weights.push_back(value / 2);
  EXPECT_NEAR(wasserstein2({x, log_weights}, {.values = x}), 0.5, 0.02);
}

TEST(TorusMaps, AreThoseOfNumpyAndDifferByTheTotalVariation) {
  const Npz golden = read_npz(EQUIBOLT_SOURCE_DIR "/tests/golden/analyze/metrics.npz");
  const auto values = [&](const char* name) { return golden.arrays.at(name).as_double(); };
  const auto columns = [](const std::vector<double>& angles, std::size_t c) {
    std::vector<double> out;
    for (std::size_t k = c; k < angles.size(); k += 2) out.push_back(angles[k]);
    return out;
  };
  const auto a = values("torus_a"), b = values("torus_b");
  const auto map_a = torus_map(columns(a, 0), columns(a, 1), values("torus_log_weights"), 12);
  const auto map_b = torus_map(columns(b, 0), columns(b, 1), {}, 12);
  EXPECT_NEAR(total_variation(map_a, map_b), values("torus_tv")[0], 1e-12);
  EXPECT_EQ(total_variation(map_a, map_a), 0);
  std::vector<double> turned = columns(b, 0);
  for (double& angle : turned) angle -= 4 * std::numbers::pi;
  EXPECT_NEAR(total_variation(torus_map(turned, columns(b, 1), {}, 12), map_b), 0, 1e-12);
  EXPECT_THROW((void)total_variation(map_a, std::vector<double>(3)), DataError);
  EXPECT_THROW((void)torus_map(std::vector<double>{NAN}, std::vector<double>{0}, {}, 12), NumericalError);
}

TEST(Resampling, TakesEachSampleAsOftenAsItsWeightSays) {
  const std::vector<double> log_weights = {std::log(1.0), -std::numeric_limits<double>::infinity(),
                                           std::log(3.5), std::log(5.5)};
  double third = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const auto chosen = resampled(log_weights, 10, seed);
    ASSERT_EQ(chosen.size(), 10U);
    const auto times = [&](std::size_t k) { return std::count(chosen.begin(), chosen.end(), k); };
    EXPECT_EQ(times(0), 1);
    EXPECT_EQ(times(1), 0);
    EXPECT_TRUE(times(2) == 3 || times(2) == 4);
    third += static_cast<double>(times(2)) / 400;
  }
  EXPECT_NEAR(third, 3.5, 0.1);
}

}  // namespace
}  // namespace equibolt
