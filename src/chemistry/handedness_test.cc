#include "chemistry/handedness.h"

#include <gtest/gtest.h>

#include <array>
#include <utility>
#include <vector>

namespace equibolt {
namespace {

/// A carbon with four substituents at the corners of a cube.
Molecule tetrahedron(std::array<int, 4> elements) {
  Molecule molecule;
  const double corners[4][3] = {{1, 1, 1}, {1, -1, -1}, {-1, 1, -1}, {-1, -1, 1}};
  Atom carbon;
  carbon.element = 6;
  molecule.atoms.push_back(carbon);
  molecule.positions = {0, 0, 0};
  for (std::size_t k = 0; k < 4; ++k) {
    Atom atom;
    atom.element = elements[k];
    molecule.atoms.push_back(atom);
    for (const double corner : corners[k]) molecule.positions.push_back(0.7 * corner);
  }
  return molecule;
}

TEST(Handedness, TellsTheMirrorImage) {
  const Molecule molecule = tetrahedron({1, 9, 17, 8});
  const auto hand = Handedness::of(molecule);
  ASSERT_TRUE(hand.has_value());
  EXPECT_EQ(hand->centre(), 0U);
  std::vector<double> x = molecule.positions;
  EXPECT_FALSE(hand->is_mirrored(x));
  for (double& value : x) value = -value;
  EXPECT_TRUE(hand->is_mirrored(x));
  for (std::size_t k = 0; k < x.size(); k += 3) std::swap(x[k], x[k + 1]);  // another reflection
  EXPECT_FALSE(hand->is_mirrored(x));
}

TEST(Handedness, IsNothingWhereTwoGroupsAreAlike) {
  EXPECT_FALSE(Handedness::of(tetrahedron({1, 9, 17, 17})).has_value());
}

}  // namespace
}  // namespace equibolt
