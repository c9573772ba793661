#include "analyze/umbrella_analysis.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "core/random.h"
#include "equibolt/error.h"
#include "io/npz.h"

namespace equibolt {
namespace {

constexpr double pi = std::numbers::pi;
constexpr double infinity = std::numeric_limits<double>::infinity();

double potential(double phi) {
  return 2 * std::cos(phi) + std::sin(2 * phi);
}

bool from_0_to_2(double phi) {
  return phi > 0 && phi < 2;
}

/// −ln(P/(1−P)) of a state by a fine sum.
double exact(const std::function<bool(double)>& in_state = from_0_to_2) {
  double inside = 0, outside = 0;
  constexpr int points = 100000;
  for (int k = 0; k < points; ++k) {
    const double phi = 2 * pi * (k + 0.5) / points - pi;
    (in_state(phi) ? inside : outside) += std::exp(-potential(phi));
  }
  return -std::log(inside / outside);
}

UmbrellaRecords windows_at(const std::vector<double>& centres, double stiffness) {
  UmbrellaRecords records;
  records.centres = centres;
  records.bias = [centres, stiffness](std::size_t w, double angle) {
    const double difference = std::remainder(angle - centres[w], 2 * pi);
    return 0.5 * stiffness * difference * difference;
  };
  records.in_state = from_0_to_2;
  records.seed = 1;
  return records;
}

/// Windows evenly around the circle.
UmbrellaRecords windows_of(std::size_t windows, double stiffness) {
  std::vector<double> centres;
  for (std::size_t w = 0; w < windows; ++w) {
    centres.push_back(2 * pi * static_cast<double>(w) / static_cast<double>(windows) - pi);
  }
  return windows_at(centres, stiffness);
}

/// Angles (blocks, W) that are drawn independently in each window.
std::vector<double> drawn(const UmbrellaRecords& records, std::size_t blocks, std::uint64_t number = 0) {
  std::vector<double> angles;
  Random random(9, Stream::test, number);
  for (std::size_t t = 0; t < blocks; ++t) {
    for (std::size_t w = 0; w < records.centres.size(); ++w) {
      for (;;) {
        const double phi = 2 * pi * random.uniform() - pi;
        if (random.uniform() < std::exp(-potential(phi) - 2.7 - records.bias(w, phi))) {
          angles.push_back(phi);
          break;
        }
      }
    }
  }
  return angles;
}

std::string all_of(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += text + "\n";
  return all;
}

TEST(UmbrellaAnalysis, FindsTheProfileWithHonestErrors) {
  UmbrellaRecords records = windows_of(15, 10);
  const auto angles = drawn(records, 400);
  records.angles = angles;
  const UmbrellaAnalysis result = analyse_umbrella(records);
  ASSERT_TRUE(result.free_energy && result.by_mbar);
  const auto [value, error] = *result.free_energy;
  EXPECT_GT(error, 0.005);
  EXPECT_LT(error, 0.1);
  EXPECT_NEAR(value, exact(), 4 * error);
  EXPECT_NEAR(*result.by_mbar, value, 0.3 * error);
  EXPECT_TRUE(result.wham_converged && result.mbar_converged);
  EXPECT_EQ(all_of(result.doubts) + all_of(result.warnings), "");
  ASSERT_EQ(result.overlap.size(), 15U);
  for (const double overlap : result.overlap) EXPECT_GT(overlap, 0.05);
  double chi_square = 0;
  double offset = 0;
  const auto points = static_cast<double>(result.profile.size());
  for (const auto& [angle, free_energy] : result.profile)
    offset += (free_energy.value - potential(angle)) / points;
  for (const auto& [angle, free_energy] : result.profile) {
    const double z = (free_energy.value - potential(angle) - offset) / free_energy.error;
    chi_square += z * z / points;
  }
  EXPECT_LT(chi_square, 3);
  for (const double tau : result.autocorrelation_time) EXPECT_LT(tau, 1.6);
}

TEST(UmbrellaAnalysis, ItsErrorIsTheSpreadOverRepetitions) {
  constexpr int repetitions = 40;
  double squares = 0, between_halves = 0;
  for (int r = 0; r < repetitions; ++r) {
    UmbrellaRecords records = windows_of(10, 6);
    const auto angles = drawn(records, 60, 100 + static_cast<std::uint64_t>(r));
    records.angles = angles;
    const UmbrellaAnalysis result = analyse_umbrella(records);
    ASSERT_TRUE(result.free_energy && result.halves_apart);
    squares += std::pow((result.free_energy->value - exact()) / result.free_energy->error, 2) / repetitions;
    between_halves += std::pow(*result.halves_apart, 2) / repetitions;
  }
  EXPECT_NEAR(std::sqrt(squares), 1, 0.35);
  EXPECT_NEAR(std::sqrt(between_halves), 1, 0.35);
}

TEST(UmbrellaAnalysis, AgreesWithPymbar) {
  const Npz golden = read_npz(std::string(EQUIBOLT_SOURCE_DIR) + "/tests/golden/analyze/umbrella.npz");
  const auto overlap = golden["overlap"].as_double(), angles = golden["angles"].as_double();
  UmbrellaRecords records = windows_of(overlap.size(), golden["stiffness"].as_double()[0]);
  records.angles = angles;
  const UmbrellaAnalysis result = analyse_umbrella(records);
  const double expected = golden["free_energy"].as_double()[0];
  ASSERT_TRUE(result.free_energy && result.by_mbar);
  EXPECT_NEAR(*result.by_mbar, expected, 1e-6);
  EXPECT_NEAR(result.free_energy->value, expected, 0.01);  // of bins of half a degree
  ASSERT_EQ(result.overlap.size(), overlap.size());
  for (std::size_t w = 0; w < overlap.size(); ++w) EXPECT_NEAR(result.overlap[w], overlap[w], 1e-6);
}

TEST(UmbrellaAnalysis, WindowsThatDoNotOverlapHaveNoFreeEnergy) {
  UmbrellaRecords records = windows_of(12, 2000);
  const auto angles = drawn(records, 100);
  records.angles = angles;
  const UmbrellaAnalysis result = analyse_umbrella(records);
  EXPECT_FALSE(result.wham_converged);
  EXPECT_FALSE(result.mbar_converged);
  EXPECT_FALSE(result.free_energy || result.by_mbar || result.first_half || result.halves_apart);
  for (const auto& point : result.profile) EXPECT_TRUE(std::isnan(point.free_energy.value));
  EXPECT_NE(all_of(result.doubts).find("12 groups"), std::string::npos) << all_of(result.doubts);
  EXPECT_NE(all_of(result.warnings).find("windows 11 and 0"), std::string::npos) << all_of(result.warnings);
}

TEST(UmbrellaAnalysis, OneGapInTheCircleIsSaidAndTwoLeaveNoErrorBar) {
  // Gaps of 1.2 rad, where windows are 0.18 rad wide: one at the barrier, around 0.7 rad, and one more.
  std::vector<double> centres;
  for (int w = 0; w <= 12; ++w) centres.push_back(std::remainder(1.3 + (2 * pi - 1.2) * w / 12, 2 * pi));
  UmbrellaRecords one = windows_at(centres, 30);
  one.in_state = [](double angle) { return angle > 1.5 && angle < 3; };
  const auto angles_of_one = drawn(one, 300);
  one.angles = angles_of_one;
  const UmbrellaAnalysis connected = analyse_umbrella(one);
  ASSERT_TRUE(connected.free_energy);
  EXPECT_LT(connected.overlap[12], 0.03);
  EXPECT_EQ(all_of(connected.doubts), "");
  EXPECT_NE(all_of(connected.warnings).find("windows 12 and 0"), std::string::npos);
  EXPECT_LE(std::abs(connected.free_energy->value - exact(one.in_state)), 4 * connected.free_energy->error);
  EXPECT_LT(connected.free_energy->error, 0.3);

  centres.erase(centres.begin() + 5, centres.begin() + 7);
  UmbrellaRecords two = windows_at(centres, 30);
  const auto angles_of_two = drawn(two, 300);
  two.angles = angles_of_two;
  const UmbrellaAnalysis apart = analyse_umbrella(two);
  EXPECT_NE(all_of(apart.doubts).find("2 groups"), std::string::npos) << all_of(apart.doubts);
  ASSERT_TRUE(apart.free_energy);
  EXPECT_EQ(apart.free_energy->error, infinity);
}

TEST(UmbrellaAnalysis, AStateThatWasNeverMetHasNoFreeEnergy) {
  UmbrellaRecords records = windows_of(15, 10);
  const auto angles = drawn(records, 60);
  records.angles = angles;
  for (const bool nowhere : {true, false}) {
    records.in_state = [nowhere](double) { return !nowhere; };
    const UmbrellaAnalysis result = analyse_umbrella(records);
    EXPECT_FALSE(result.free_energy.has_value());
    EXPECT_FALSE(result.by_mbar.has_value());
    EXPECT_FALSE(result.halves_apart.has_value());
    EXPECT_NE(all_of(result.doubts).find("no window has met"), std::string::npos) << all_of(result.doubts);
  }
}

TEST(UmbrellaAnalysis, AStateAcrossTheJumpOfTheAngleIsAnyOther) {
  // U is shifted by half a turn, and so are the windows: the same numbers with another name.
  UmbrellaRecords records = windows_of(14, 10), shifted = records;
  auto angles = drawn(records, 60);
  records.angles = angles;
  auto turned = angles;
  for (double& angle : turned) angle = std::remainder(angle + pi, 2 * pi);
  shifted.angles = turned;
  for (double& centre : shifted.centres) centre = std::remainder(centre + pi, 2 * pi);
  shifted.bias = [centres = shifted.centres](std::size_t w, double angle) {
    return 5 * std::pow(std::remainder(angle - centres[w], 2 * pi), 2);
  };
  shifted.in_state = [](double angle) { return from_0_to_2(std::remainder(angle - pi, 2 * pi)); };
  const UmbrellaAnalysis a = analyse_umbrella(records), b = analyse_umbrella(shifted);
  ASSERT_TRUE(a.free_energy && b.free_energy);
  EXPECT_NEAR(a.free_energy->value, b.free_energy->value, 1e-6);
  EXPECT_NEAR(*a.by_mbar, *b.by_mbar, 1e-6);
}

TEST(UmbrellaAnalysis, AWindowThatDoesNotMoveLeavesNoErrorBar) {
  UmbrellaRecords records = windows_of(15, 10);
  auto angles = drawn(records, 60);
  for (std::size_t t = 0; t < 60; ++t) angles[t * 15 + 7] = angles[7];
  records.angles = angles;
  const UmbrellaAnalysis result = analyse_umbrella(records);
  EXPECT_NE(all_of(result.doubts).find("window 7"), std::string::npos) << all_of(result.doubts);
  ASSERT_TRUE(result.free_energy);
  EXPECT_EQ(result.free_energy->error, infinity);

  // All of them at one angle, far from most windows: biases up to 500 kT.
  records = windows_of(12, 200);
  angles.assign(12 * 60, 0.3);
  records.angles = angles;
  const UmbrellaAnalysis stuck = analyse_umbrella(records);
  EXPECT_FALSE(stuck.free_energy.has_value());
  EXPECT_FALSE(stuck.doubts.empty());
}

TEST(UmbrellaAnalysis, BlocksThatWereUndoneAreSaid) {
  UmbrellaRecords records = windows_of(15, 10);
  const auto angles = drawn(records, 60);
  records.angles = angles;
  records.undone = 3;
  const UmbrellaAnalysis few = analyse_umbrella(records);
  EXPECT_EQ(all_of(few.doubts), "");
  EXPECT_NE(all_of(few.warnings).find("3 of 900 blocks"), std::string::npos);
  records.undone = 200;
  const UmbrellaAnalysis many = analyse_umbrella(records);
  EXPECT_NE(all_of(many.doubts).find("200 of 900 blocks"), std::string::npos);
  EXPECT_EQ(many.free_energy->error, infinity);
}

TEST(UmbrellaAnalysis, HalvesThatDisagreeAreSaid) {
  // In the second half the state takes what was before it, as if something slow had changed.
  UmbrellaRecords records = windows_of(15, 10);
  auto angles = drawn(records, 400);
  for (std::size_t t = 200; t < 400; ++t) {
    for (std::size_t w = 0; w < 15; ++w) {
      double& angle = angles[t * 15 + w];
      if (angle > -0.8 && angle < 0) angle += 0.8;
    }
  }
  records.angles = angles;
  const UmbrellaAnalysis result = analyse_umbrella(records);
  ASSERT_TRUE(result.halves_apart);
  EXPECT_GT(*result.halves_apart, 3);
  EXPECT_NE(all_of(result.warnings).find("halves of the run disagree"), std::string::npos);
  EXPECT_NEAR(*result.first_half, exact(), 0.3);
}

TEST(UmbrellaAnalysis, WantsEnoughBlocks) {
  UmbrellaRecords records = windows_of(15, 10);
  const auto angles = drawn(records, 39);
  records.angles = angles;
  EXPECT_THROW((void)analyse_umbrella(records), DataError);
  records.centres.clear();
  EXPECT_THROW((void)analyse_umbrella(records), DataError);
}

}  // namespace
}  // namespace equibolt
