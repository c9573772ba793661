#include "chemistry/molecule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <tuple>

#include "chemistry/bond_graph.h"
#include "chemistry/dihedral.h"
#include "chemistry/elements.h"
#include "core/random.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr double pi = std::numbers::pi;

TEST(Elements, AreKnownByTheirSymbols) {
  for (int number = 1; number <= last_element; ++number) {
    EXPECT_EQ(atomic_number(element_symbol(number)), number);
    EXPECT_GT(covalent_radius(number), 0.2);
    // Weights ascend but for the four known pairs.
    if (number > 1 && number != 19 && number != 28 && number != 53) {
      EXPECT_GE(atomic_mass(number), atomic_mass(number - 1)) << number;
    }
  }
  EXPECT_EQ(atomic_number("CL"), 17);
  EXPECT_EQ(atomic_number("Fr"), 0);
  EXPECT_EQ(atomic_number(""), 0);
}

Molecule water_and_methyl() {
  Molecule molecule;
  molecule.origin = "test";
  for (const auto& [element, name, residue] :
       {std::tuple{8, "O", 1}, {1, "H1", 1}, {1, "H2", 1}, {6, "C", 2}, {1, "H1", 2}}) {
    molecule.atoms.push_back({element, name, "RES", residue, ' '});
  }
  molecule.positions = {0, 0, 0, 0.96, 0, 0, -0.24, 0.93, 0, 5, 0, 0, 6.09, 0, 0};
  return molecule;
}

TEST(Molecule, NamesItsAtoms) {
  const Molecule molecule = water_and_methyl();
  EXPECT_EQ(molecule.atom("3"), 3U);
  EXPECT_EQ(molecule.atom("C"), 3U);
  EXPECT_EQ(molecule.atom("2:H1"), 4U);
  for (const char* wrong : {"5", "H1", "1:C", "X", ":"})
    EXPECT_THROW((void)molecule.atom(wrong), UsageError) << wrong;
}

TEST(Molecule, FindsBonds) {
  const Molecule molecule = water_and_methyl();
  const Bonds bonds = bonds_of(molecule.elements(), molecule.positions.data());
  EXPECT_EQ(bonds, (Bonds{{0, 1}, {0, 2}, {3, 4}}));
  EXPECT_EQ(neighbours_of(5, bonds)[0], (std::vector<std::size_t>{1, 2}));
}

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
  const Molecule molecule = water_and_methyl();
  EXPECT_EQ(dihedral_atoms(molecule, "1 0 2:C 2:H1"), (DihedralAtoms{1, 0, 3, 4}));
  for (const char* wrong : {"1 0 3", "1 0 3 4 2", "1 0 3 1", "1 0 3 Q"}) {
    EXPECT_THROW((void)dihedral_atoms(molecule, wrong), UsageError) << wrong;
  }
}

/// CHFClBr: H, F, Cl, Br at the corners of a tetrahedron.
std::vector<double> stereocentre() {
  std::vector<double> x{0, 0, 0};
  const double corners[4][3] = {{1, 1, 1}, {1, -1, -1}, {-1, 1, -1}, {-1, -1, 1}};
  const double lengths[4] = {1.09, 1.35, 1.77, 1.94};
  for (int k = 0; k < 4; ++k) {
    for (const double c : corners[k]) x.push_back(c * lengths[k] / std::sqrt(3.0));
  }
  return x;
}

TEST(BondGraph, KnowsMoleculesByTheirBondsAndHands) {
  const std::vector<int> elements{6, 1, 9, 17, 35};
  const std::vector<double> x = stereocentre();
  const BondGraph reference(elements, x);
  ASSERT_EQ(reference.handedness().size(), 1U);
  EXPECT_EQ(compare(reference, reference), Identity::same);
  EXPECT_EQ(compare(reference.mirrored(), reference), Identity::mirrored);
  std::vector<double> broken = x;
  for (std::size_t k = 12; k < 15; ++k) broken[k] *= 2;
  EXPECT_EQ(compare(BondGraph(elements, broken), reference), Identity::other_bonds);
  // Another numbering is the same molecule.
  std::vector<double> turned = x;
  std::rotate(turned.begin(), turned.begin() + 6, turned.end());
  EXPECT_EQ(compare(BondGraph({9, 17, 35, 6, 1}, turned), reference), Identity::same);
  // Two of the same element make no stereocentre.
  EXPECT_TRUE(BondGraph({6, 1, 1, 17, 35}, x).handedness().empty());
}

}  // namespace
}  // namespace equibolt
