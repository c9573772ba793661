#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "chemistry/molecule.h"

namespace equibolt {

/// Four atoms whose dihedral angle is meant: i–j–k–l about j–k.
using DihedralAtoms = std::array<std::size_t, 4>;

/// The atoms that a text names, each as in Molecule::atom: "1:C 2:N 2:CA 2:C" or "4 6 8 14". Throws
/// UsageError.
DihedralAtoms dihedral_atoms(const Molecule& molecule, std::string_view text);

/// The dihedral in (−π, π] of positions x (N, 3); 0 for cis, positive where l turns clockwise from i, seen
/// from j to k (IUPAC). NaN where three neighbours lie on a line.
double dihedral(std::span<const double> x, const DihedralAtoms& atoms);

/// The same, and gradient += scale · ∇φ, (N, 3) (Blondel and Karplus, J. Comput. Chem. 17, 1132, 1996).
double add_dihedral_gradient(std::span<const double> x, const DihedralAtoms& atoms, double scale,
                             std::span<double> gradient);

/// a − b brought to (−π, π].
double angle_difference(double a, double b);

}  // namespace equibolt
