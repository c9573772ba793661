#include "chemistry/collective_variables.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "chemistry/dihedral.h"
#include "core/geometry.h"
#include "core/random.h"

namespace equibolt {
namespace {

constexpr double kPi = std::numbers::pi;

std::vector<double> random_configuration(std::uint64_t seed, std::size_t particles, std::size_t dim) {
  Random random(seed, Stream::test, 0);
  std::vector<double> x(particles * dim);
  random.fill_normal(std::span(x));
  return x;
}

std::vector<double> moved(std::vector<double> x, std::size_t dim, std::uint64_t seed, bool reflected) {
  Random random(seed, Stream::test, 1);
  rotate(std::span(x), random_rotation(random, dim), dim);
  for (std::size_t k = 0; k < x.size(); ++k) {
    if (k % dim == 0 && reflected) x[k] = -x[k];
    x[k] += 3.0 + static_cast<double>(k % dim);
  }
  return x;
}

TEST(CollectiveVariables, ClosedForms) {
  // A right angle with legs of 3 and 4.
  const std::vector<double> x{3, 0, 0, 0, 0, 0, 0, 4, 0};
  EXPECT_DOUBLE_EQ(distance(x, 3, 0, 2), 5);
  EXPECT_DOUBLE_EQ(bond_angle(x, 3, 0, 1, 2), kPi / 2);
  EXPECT_NEAR(bond_angle(x, 3, 1, 0, 2), std::atan2(4, 3), 1e-15);
  // Σ |x − x̄|² / N = Σ_{i<j} r_ij² / N².
  EXPECT_DOUBLE_EQ(radius_of_gyration(x, 3), std::sqrt((9 + 16 + 25) / 9.0));
  std::vector<double> distances(3);
  pair_distances(x, 3, distances);
  EXPECT_EQ(distances, (std::vector<double>{3, 5, 4}));
}

TEST(CollectiveVariables, CountsNeighboursByTheSwitchingFunction) {
  const std::vector<double> x{0, 0, 2, 0, 0, 6};  // distances 2, 6 and √40
  const std::vector<std::size_t> all{0, 1, 2}, first{0};
  // (1 − u⁶) / (1 − u¹²) for u = r/4: ½ and 3/2.
  const auto switched = [](double u) { return (1 - std::pow(u, 6)) / (1 - std::pow(u, 12)); };
  EXPECT_NEAR(coordination_number(x, 2, first, all, 4), switched(0.5) + switched(1.5), 1e-14);
  EXPECT_NEAR(coordination_number(x, 2, all, all, 4),
              2.0 / 3 * (switched(0.5) + switched(1.5) + switched(std::sqrt(40.0) / 4)), 1e-14);
  const std::vector<std::size_t> last{2};
  EXPECT_DOUBLE_EQ(coordination_number(x, 2, first, last, 6), 0.5);  // where the function above is 0/0
}

TEST(CollectiveVariables, AnglesNearStraightKeepTheirDigits) {
  const double small = 1e-9;
  const std::vector<double> folded{1, 0, 0, 0, std::cos(small), std::sin(small)};
  EXPECT_NEAR(bond_angle(folded, 2, 0, 1, 2), small, 1e-16);
  const std::vector<double> straight{1, 0, 0, 0, -std::cos(small), std::sin(small)};
  EXPECT_NEAR(kPi - bond_angle(straight, 2, 0, 1, 2), small, 1e-15);
  const std::vector<double> none{1, 0, 1, 0, 0, 1};
  EXPECT_TRUE(std::isnan(bond_angle(none, 2, 0, 1, 2)));
}

TEST(CollectiveVariables, AreInvariant) {
  constexpr std::size_t particles = 5;
  std::vector<std::size_t> all(particles);
  std::iota(all.begin(), all.end(), 0U);
  for (const std::size_t dim : {2U, 3U}) {
    const std::vector<double> x = random_configuration(1, particles, dim);
    for (const bool reflected : {false, true}) {
      const std::vector<double> y = moved(x, dim, 2, reflected);
      EXPECT_NEAR(distance(x, dim, 0, 3), distance(y, dim, 0, 3), 1e-13);
      EXPECT_NEAR(bond_angle(x, dim, 0, 3, 4), bond_angle(y, dim, 0, 3, 4), 1e-13);
      EXPECT_NEAR(radius_of_gyration(x, dim), radius_of_gyration(y, dim), 1e-13);
      EXPECT_NEAR(coordination_number(x, dim, all, all, 1), coordination_number(y, dim, all, all, 1), 1e-13);
    }
  }
}

TEST(CollectiveVariables, OnlyDihedralsTellMirrorImagesApart) {
  const std::vector<double> x = random_configuration(3, 4, 3);
  const DihedralAtoms atoms{0, 1, 2, 3};
  const double angle = dihedral(x, atoms);
  EXPECT_GT(std::abs(angle), 0.01);
  EXPECT_NEAR(dihedral(moved(x, 3, 4, false), atoms), angle, 1e-13);
  EXPECT_NEAR(dihedral(moved(x, 3, 4, true), atoms), -angle, 1e-13);
}

}  // namespace
}  // namespace equibolt
