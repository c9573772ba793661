#include "chemistry/bond_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "core/random.h"
#include "io/structure_file.h"

namespace equibolt {
namespace {

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

std::vector<double> mirrored(std::vector<double> x) {
  for (double& value : x) value = -value;
  return x;
}

Identity identity(const std::vector<int>& elements, const std::vector<double>& x,
                  const std::vector<double>& reference) {
  return match(BondGraph(elements, x), BondGraph(elements, reference)).identity;
}

TEST(BondGraph, KnowsMoleculesByTheirBondsAndChirality) {
  const std::vector<int> elements{6, 1, 9, 17, 35};
  const std::vector<double> x = stereocentre();
  const BondGraph reference(elements, x);
  EXPECT_EQ(identity(elements, x, x), Identity::same);
  EXPECT_EQ(identity(elements, mirrored(x), x), Identity::mirrored);
  std::vector<double> broken = x;
  for (std::size_t k = 12; k < 15; ++k) broken[k] *= 2;
  EXPECT_EQ(identity(elements, broken, x), Identity::other_bonds);
  EXPECT_TRUE(match(BondGraph(elements, broken), reference).atoms.empty());
  // Another numbering is the same molecule.
  std::vector<double> turned = x;
  std::rotate(turned.begin(), turned.begin() + 6, turned.end());
  const Match found = match(BondGraph({9, 17, 35, 6, 1}, turned), reference);
  EXPECT_EQ(found.identity, Identity::same);
  EXPECT_EQ(found.atoms, (std::vector<std::size_t>{3, 4, 0, 1, 2}));
  // Two of the same element make no stereocentre.
  std::vector<double> methylene = x;
  for (std::size_t k = 6; k < 9; ++k) methylene[k] *= 1.09 / 1.35;
  EXPECT_EQ(identity({6, 1, 1, 17, 35}, mirrored(methylene), methylene), Identity::same);
}

/// How much the distances between atoms of x, taken in this order, differ from the reference's at most.
double greatest_difference(const std::vector<double>& x, const std::vector<std::size_t>& atoms,
                           const std::vector<double>& reference) {
  const auto distance = [](const std::vector<double>& y, std::size_t i, std::size_t j) {
    return std::hypot(y[3 * i] - y[3 * j], y[3 * i + 1] - y[3 * j + 1], y[3 * i + 2] - y[3 * j + 2]);
  };
  double greatest = 0;
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j)
      greatest = std::max(greatest, std::abs(distance(x, atoms[i], atoms[j]) - distance(reference, i, j)));
  }
  return greatest;
}

/// Exchanges atoms of one element at random, shakes them a little, and expects every atom to be found again:
/// then all distances are the molecule's. Chirality decides between the hydrogens of a CH2 group, distances
/// between those of a methyl group.
void expect_to_be_found_again(const Molecule& molecule) {
  const std::vector<int> elements = molecule.elements();
  const std::vector<double>& reference = molecule.positions;
  constexpr double shake = 0.03;  // Å
  for (std::uint64_t sample = 0; sample < 40; ++sample) {
    Random random(7, Stream::test, 0, sample);
    std::vector<std::size_t> order(elements.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto j = static_cast<std::size_t>(random.uniform() * static_cast<double>(i + 1));
      if (elements[order[i]] == elements[order[j]]) std::swap(order[i], order[j]);
    }
    const bool reflect = sample % 2 == 1;
    std::vector<double> x(reference.size());
    for (std::size_t k = 0; k < x.size(); ++k) {
      const double moved = reference[3 * order[k / 3] + k % 3] + shake * (2 * random.uniform() - 1);
      x[k] = reflect ? -moved : moved;
    }
    const Match found = match(BondGraph(elements, x), BondGraph(elements, reference));
    ASSERT_EQ(found.atoms.size(), elements.size());
    EXPECT_EQ(found.identity == Identity::mirrored, reflect && molecule.name_of(0) == "1:HH31") << sample;
    if (reflect && found.identity == Identity::same) continue;  // an achiral molecule in another conformation
    for (std::size_t i = 0; i < elements.size(); ++i) EXPECT_EQ(elements[found.atoms[i]], elements[i]);
    EXPECT_LT(greatest_difference(x, found.atoms, reference), 4 * shake) << sample;
  }
}

TEST(BondGraph, FindsTheAtomsOfEthanol) {
  Molecule ethanol;
  for (const int element : {6, 6, 8, 1, 1, 1, 1, 1, 1})
    ethanol.atoms.push_back({element, "", "", "1", "", 0});
  ethanol.positions = {-1.185, -0.249, 0.048, 0.052,  0.581, -0.221, 1.183,  -0.268, -0.130,
                       -1.253, -0.540, 1.100, -2.087, 0.308, -0.222, -1.161, -1.166, -0.550,
                       0.127,  1.396,  0.510, -0.011, 1.012, -1.229, 1.261,  -0.619, 0.768};
  expect_to_be_found_again(ethanol);
}

TEST(BondGraph, FindsTheAtomsOfAlanineDipeptide) {
  expect_to_be_found_again(
      read_structure(std::filesystem::path(EQUIBOLT_SOURCE_DIR) / "systems/alanine_dipeptide.pdb"));
}

TEST(BondGraph, AnOrderThatFitsIsLeftAlone) {
  const Molecule molecule =
      read_structure(std::filesystem::path(EQUIBOLT_SOURCE_DIR) / "systems/alanine_dipeptide.pdb");
  const BondGraph graph(molecule.elements(), molecule.positions);
  const Match found = match(graph, graph);
  EXPECT_EQ(found.identity, Identity::same);
  EXPECT_TRUE(std::is_sorted(found.atoms.begin(), found.atoms.end()));
}

/// Dichlorocyclobutane with chlorine at opposite corners, on the same side of the ring (cis) or not: the
/// centres have two equal neighbours, the ring's arms.
std::vector<double> dichlorocyclobutane(double side_of_second) {
  std::vector<double> x;
  const double corner[4][2] = {{1.1, 0}, {0, 1.1}, {-1.1, 0}, {0, -1.1}};
  for (const auto& c : corner) x.insert(x.end(), {c[0], c[1], 0});
  for (int k = 0; k < 4; ++k) {
    for (const double side : {1.0, -1.0}) {  // the first of the two is chlorine at corners 0 and 2
      const double up = k == 2 ? side * side_of_second : side;
      const double length = side > 0 && k % 2 == 0 ? 1.77 : 1.09;
      const double out = 0.57 * length / 1.1;
      x.insert(x.end(), {corner[k][0] * (1 + out), corner[k][1] * (1 + out), 0.82 * length * up});
    }
  }
  return x;
}

TEST(BondGraph, RingsHaveCisAndTransIsomers) {
  const std::vector<int> elements{6, 6, 6, 6, 17, 1, 1, 1, 17, 1, 1, 1};
  const std::vector<double> cis = dichlorocyclobutane(1), trans = dichlorocyclobutane(-1);
  ASSERT_EQ(bonds_of(elements, cis.data()).size(), 12U);
  ASSERT_EQ(bonds_of(elements, trans.data()).size(), 12U);
  for (const auto& x : {cis, trans}) EXPECT_EQ(identity(elements, x, x), Identity::same);
  for (const auto& x : {cis, trans})
    EXPECT_EQ(identity(elements, mirrored(x), x), Identity::same);  // achiral
  EXPECT_EQ(identity(elements, cis, trans), Identity::other_hand);
  EXPECT_EQ(identity(elements, trans, cis), Identity::other_hand);
}

/// The carbon skeletons of decalin and bicyclopentyl: refinement by neighbours alone never tells their atoms
/// apart.
TEST(BondGraph, SkeletonsThatRefinementConfusesAreToldApart) {
  const Bonds decalin{{0, 1}, {0, 5}, {0, 9}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}, {7, 8}, {8, 9}};
  const Bonds bicyclopentyl{{0, 1}, {0, 4}, {0, 5}, {1, 2}, {2, 3}, {3, 4},
                            {5, 6}, {5, 9}, {6, 7}, {7, 8}, {8, 9}};
  const std::vector<int> carbons(10, 6);
  const std::vector<double> x(30, 0.0);
  const BondGraph a(carbons, x, decalin), b(carbons, x, bicyclopentyl);
  EXPECT_EQ(match(a, b).identity, Identity::other_bonds);
  EXPECT_EQ(match(b, a).identity, Identity::other_bonds);
  // Each is the same as itself in another numbering, by an isomorphism.
  for (const auto& [bonds, graph] : {std::pair{&decalin, &a}, std::pair{&bicyclopentyl, &b}}) {
    const auto renumbered = [](std::size_t i) { return (3 * i + 4) % 10; };
    Bonds others;
    for (const auto& [i, j] : *bonds) others.push_back(std::minmax(renumbered(i), renumbered(j)));
    const BondGraph other(carbons, x, others);
    const Match found = match(other, *graph);
    ASSERT_EQ(found.identity, Identity::same);
    for (const auto& [i, j] : *bonds) {
      const std::pair<std::size_t, std::size_t> image = std::minmax(found.atoms[i], found.atoms[j]);
      EXPECT_NE(std::find(others.begin(), others.end(), image), others.end());
    }
  }
}

TEST(BondGraph, ManyEqualMoleculesAreMatchedQuickly) {
  // Forty waters, the configuration's in the reverse order.
  std::vector<int> elements;
  std::vector<double> x;
  for (int k = 0; k < 40; ++k) {
    elements.insert(elements.end(), {8, 1, 1});
    x.insert(x.end(), {5.0 * k, 0, 0, 5.0 * k + 0.96, 0, 0, 5.0 * k - 0.24, 0.93, 0});
  }
  std::vector<int> other_elements(elements.rbegin(), elements.rend());
  std::vector<double> other;
  for (std::size_t i = elements.size(); i-- > 0;)
    other.insert(other.end(), {x[3 * i], x[3 * i + 1], x[3 * i + 2]});
  EXPECT_EQ(match(BondGraph(other_elements, other), BondGraph(elements, x)).identity, Identity::same);
}

}  // namespace
}  // namespace equibolt
