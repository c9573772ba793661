#pragma once

#include <string>
#include <vector>

#include "chemistry/dihedral.h"
#include "chemistry/molecule.h"

namespace equibolt {

/// A bond that parts of a molecule can turn about, with the dihedral angle that tells how far.
struct Torsion {
  std::string name;  ///< "phi", "psi", "omega" in a peptide's backbone, else "t1", "t2", …
  DihedralAtoms atoms;
};

/// The torsions that a molecule's shape depends on: one for each bond that is in no ring and has other atoms
/// at both ends, in the order of the atoms. Left out are ends that are only equal terminal atoms, as of
/// methyl, amino and nitro groups, whose turns exchange atoms, and torsions over three atoms on a line. Outer
/// atoms are the heaviest neighbours, the first of them. Bond orders are not known: double bonds and amides
/// are torsions too.
std::vector<Torsion> torsions_of(const Molecule& molecule, const Bonds& bonds);

/// Atoms with four bonds to four different groups, as far as the bond graph tells, ascending.
std::vector<std::size_t> stereocentres(const Molecule& molecule, const Bonds& bonds);

}  // namespace equibolt
