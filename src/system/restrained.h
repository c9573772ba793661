#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/dihedral.h"
#include "equibolt/energy.h"

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
/// dihedrals, whatever its types say: for simulations, not for flows.
class Restrained : public Energy {
 public:
  Restrained(std::unique_ptr<Energy> energy, std::vector<DihedralRestraint> restraints);

  std::size_t particles() const override { return energy_->particles(); }
  std::size_t dim() const override { return energy_->dim(); }
  const ParticleTypes& types() const override { return energy_->types(); }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override;
  std::unique_ptr<Energy> clone() const override;
  double symmetry_noise() const override { return energy_->symmetry_noise(); }

  /// The restraints' part of the energy at x (N, 3), kT.
  double restraint_energy(std::span<const double> x) const;
  /// They may be changed between evaluations.
  std::vector<DihedralRestraint>& restraints() { return restraints_; }

 private:
  std::unique_ptr<Energy> energy_;
  std::vector<DihedralRestraint> restraints_;
};

/// Restraints that keep each peptide bond on the side, cis or trans, where the molecule's positions have it:
/// walls a right angle away, which is where the barrier is. Peptide bonds are C–N with O and C on the carbon
/// and C and H or C on the nitrogen.
std::vector<DihedralRestraint> peptide_bond_guards(const Molecule& molecule);

}  // namespace equibolt
