#include "chemistry/dihedral.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/random.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr double pi = std::numbers::pi;

TEST(Dihedral, HasTheSignOfChemists) {
  // l turns clockwise from i, seen from j to k: positive.
  const std::vector<double> x{1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1};
  // Seen along +z, from below, a turn from x to y is clockwise.
  EXPECT_NEAR(dihedral(x, {0, 1, 2, 3}), pi / 2, 1e-15);
  EXPECT_NEAR(dihedral(x, {3, 2, 1, 0}), pi / 2, 1e-15);
  EXPECT_TRUE(std::isnan(dihedral(std::vector<double>{0, 0, 0, 0, 0, 1, 0, 0, 2, 1, 0, 3}, {0, 1, 2, 3})));
}

TEST(Dihedral, GradientIsTheDerivative) {
  const DihedralAtoms atoms{4, 1, 3, 0};
  for (std::uint64_t sample = 0; sample < 20; ++sample) {
    Random random(3, Stream::test, 0, sample);
    std::vector<double> x(15), direction(15), gradient(15, 0.0);
    random.fill_normal(std::span(x));
    random.fill_normal(std::span(direction));
    add_dihedral_gradient(x, atoms, 2.0, gradient);
    constexpr double h = 1e-6;
    double slope = 0;
    std::vector<double> plus = x, minus = x;
    for (std::size_t k = 0; k < x.size(); ++k) {
      plus[k] += h * direction[k];
      minus[k] -= h * direction[k];
      slope += gradient[k] * direction[k];
    }
    const double difference = angle_difference(dihedral(plus, atoms), dihedral(minus, atoms)) / (2 * h);
    EXPECT_NEAR(slope, 2 * difference, 1e-7 * (1 + std::abs(slope)));
  }
}

TEST(Dihedral, DifferencesArePeriodic) {
  EXPECT_NEAR(angle_difference(3.0, -3.0), 6 - 2 * pi, 1e-15);
  EXPECT_NEAR(angle_difference(0.5, 0.2), 0.3, 1e-15);
}

TEST(Dihedral, NeedsFourAtoms) {
  Molecule molecule;
  molecule.origin = "test";
  for (const char* name : {"A", "B", "C", "D", "E"}) molecule.atoms.push_back({6, name, "RES", "2", "", 0});
  EXPECT_EQ(dihedral_atoms(molecule, "1 0 2:D 2:E"), (DihedralAtoms{1, 0, 3, 4}));
  for (const char* wrong : {"1 0 3", "1 0 3 4 2", "1 0 3 1", "1 0 3 Q"}) {
    EXPECT_THROW((void)dihedral_atoms(molecule, wrong), UsageError) << wrong;
  }
}

}  // namespace
}  // namespace equibolt
