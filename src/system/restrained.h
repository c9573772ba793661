#pragma once

#include <memory>
#include <span>
#include <vector>

#include "chemistry/dihedral.h"
#include "system/added_term.h"

namespace equibolt {

/// ½ k max(|φ − centre| − width, 0)², the difference periodic: harmonic beyond a flat bottom.
struct DihedralRestraint {
  DihedralAtoms atoms;
  double centre = 0;       ///< rad
  double width = 0;        ///< rad, half that of the flat bottom, in [0, π)
  double stiffness = 100;  ///< k, kT/rad²

  /// The energy of an angle, kT, and its derivative.
  double energy(double angle) const;
  double derivative(double angle) const;
};

/// U(x) and the restraints. Not invariant under reflection, nor under permutations of the atoms of the
/// dihedrals.
class Restrained : public AddedTerm {
 public:
  Restrained(std::unique_ptr<Energy> energy, std::vector<DihedralRestraint> restraints);

  std::unique_ptr<Energy> clone() const override;
  /// The restraints.
  double term(std::span<const double> x, std::span<double> gradient) const override;
  /// They may be changed between evaluations.
  std::vector<DihedralRestraint>& restraints() { return restraints_; }
  const std::vector<DihedralRestraint>& restraints() const { return restraints_; }

 private:
  std::vector<DihedralRestraint> restraints_;
};

/// Restraints that keep each peptide bond on the side, cis or trans, where the molecule's positions have it:
/// walls a right angle away, which is where the barrier is. Peptide bonds are C–N with O and C on the carbon
/// and C and H or C on the nitrogen.
std::vector<DihedralRestraint> peptide_bond_guards(const Molecule& molecule);

}  // namespace equibolt
