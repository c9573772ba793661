#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "chemistry/dihedral.h"

namespace equibolt {

/// Two atoms, i < j.
using AtomPair = std::array<std::size_t, 2>;

/// A molecule's distances between all pairs of atoms, (0, 1), (0, 2), …, (1, 2), …, and then some dihedrals:
/// coordinates that no rotation and translation changes.
class InternalCoordinates {
 public:
  InternalCoordinates() = default;
  /// The atoms of each dihedral are distinct and less than `particles`.
  InternalCoordinates(std::size_t particles, std::vector<DihedralAtoms> dihedrals);

  std::size_t particles() const { return particles_; }
  const std::vector<AtomPair>& pairs() const { return pairs_; }
  const std::vector<DihedralAtoms>& dihedrals() const { return dihedrals_; }
  /// The number of coordinates, C; that of distances is pairs().size().
  std::size_t size() const { return pairs_.size() + dihedrals_.size(); }

  /// (C,), Å and rad, at x (N, 3).
  std::vector<double> values(std::span<const double> x) const;
  /// gradient (N, 3) += Σ_c scale[c] ∇c.
  void add_gradient(std::span<const double> x, std::span<const double> scale,
                    std::span<double> gradient) const;
  /// The atoms that coordinate c depends on.
  std::vector<std::size_t> atoms_of(std::size_t c) const;

 private:
  std::size_t particles_ = 0;
  std::vector<AtomPair> pairs_;
  std::vector<DihedralAtoms> dihedrals_;
};

/// The distance of two atoms of x (N, 3).
double distance_of(std::span<const double> x, const AtomPair& pair);

}  // namespace equibolt
