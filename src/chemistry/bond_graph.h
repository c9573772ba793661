#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "chemistry/molecule.h"

namespace equibolt {

/// A molecule's elements, bonds and positions, to be compared with another one whose atoms may be numbered
/// differently, as those of a flow with interchangeable particles are.
class BondGraph {
 public:
  /// Bonds by distances in positions x (N, 3).
  BondGraph(std::vector<int> elements, std::span<const double> x);
  BondGraph(std::vector<int> elements, std::span<const double> x, const Bonds& bonds);

  std::size_t size() const { return elements_.size(); }
  const std::vector<int>& elements() const { return elements_; }
  /// (N,): of each atom, ascending.
  const std::vector<std::vector<std::size_t>>& neighbours() const { return neighbours_; }

  /// Whether an atom is a centre that has a handedness: four bonds, and not a transition metal (which may be
  /// planar).
  bool is_centre(std::size_t atom) const;
  /// +1 or −1: the sign of the volume of the tetrahedron of four atoms, which odd permutations and
  /// reflections change.
  int orientation(std::span<const std::size_t> four) const;
  double distance(std::size_t i, std::size_t j) const;

 private:
  std::vector<int> elements_;
  std::vector<double> x_;
  std::vector<std::vector<std::size_t>> neighbours_;
};

/// What a configuration is, compared with a reference molecule. Cis and trans isomers at double bonds are not
/// told apart.
enum class Identity {
  same,        ///< the same bonds, and the same chirality at every centre with four bonds
  mirrored,    ///< the mirror image of a chiral molecule
  other_hand,  ///< the same bonds, but another stereoisomer
  other_bonds  ///< another molecule, or none
};

struct Match {
  Identity identity = Identity::other_bonds;
  /// (N,): for each atom of the reference, the atom of the configuration that plays its part; empty for
  /// other_bonds. An isomorphism of the bond graphs that preserves (`mirrored`: reverses) the handedness at
  /// every centre, also where it decides between two hydrogens of a CH2 group. It is the identity where that
  /// is one. Atoms that only a rotation about a bond exchanges, as the hydrogens of a methyl group, are
  /// matched by their distances to the atoms nearby.
  std::vector<std::size_t> atoms;
};

Match match(const BondGraph& configuration, const BondGraph& reference);

}  // namespace equibolt
