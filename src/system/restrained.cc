#include "system/restrained.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "equibolt/error.h"

namespace equibolt {

double DihedralRestraint::energy(double angle) const {
  const double beyond = std::max(std::abs(angle_difference(angle, centre)) - width, 0.0);
  return 0.5 * stiffness * beyond * beyond;
}

double DihedralRestraint::derivative(double angle) const {
  const double difference = angle_difference(angle, centre);
  const double beyond = std::max(std::abs(difference) - width, 0.0);
  return stiffness * std::copysign(beyond, difference);
}

Restrained::Restrained(std::unique_ptr<Energy> energy, std::vector<DihedralRestraint> restraints)
    : AddedTerm(std::move(energy)), restraints_(std::move(restraints)) {
  for (const DihedralRestraint& r : restraints_) {
    if (!(r.stiffness >= 0 && r.width >= 0 && std::isfinite(r.centre) && std::isfinite(r.stiffness))) {
      throw UsageError("restraint: expected finite numbers and stiffness and width >= 0, found {}, {}, {}",
                       r.centre, r.stiffness, r.width);
    }
    if (dim() != 3 || *std::max_element(r.atoms.begin(), r.atoms.end()) >= particles()) {
      throw UsageError("restraint: the dihedral's atoms are not among {} particles in {} dimensions",
                       particles(), dim());
    }
  }
}

std::unique_ptr<Energy> Restrained::clone() const {
  return std::make_unique<Restrained>(energy().clone(), restraints_);
}

double Restrained::term(std::span<const double> x, std::span<double> gradient) const {
  double sum = 0;
  for (const DihedralRestraint& restraint : restraints_) {
    const double angle = dihedral(x, restraint.atoms);
    sum += restraint.energy(angle);
    if (!gradient.empty()) add_dihedral_gradient(x, restraint.atoms, restraint.derivative(angle), gradient);
  }
  return sum;
}

std::vector<DihedralRestraint> peptide_bond_guards(const Molecule& molecule) {
  constexpr int hydrogen = 1, carbon = 6, nitrogen = 7, oxygen = 8;
  const Bonds bonds = bonds_of(molecule.elements(), molecule.positions.data());
  const auto neighbours = neighbours_of(molecule.size(), bonds);
  const auto element = [&](std::size_t i) { return molecule.atoms[i].element; };
  const auto first_of = [&](std::size_t i, int wanted, std::size_t except) {
    for (const std::size_t j : neighbours[i]) {
      if (j != except && element(j) == wanted) return j;
    }
    return molecule.size();
  };
  std::vector<DihedralRestraint> guards;
  for (std::size_t c = 0; c < molecule.size(); ++c) {
    if (element(c) != carbon || neighbours[c].size() != 3) continue;
    for (const std::size_t n : neighbours[c]) {
      if (element(n) != nitrogen || neighbours[n].size() != 3) continue;
      const std::size_t before = first_of(c, carbon, n), after = first_of(n, carbon, c);
      const bool peptide =
          first_of(c, oxygen, n) < molecule.size() && before < molecule.size() && after < molecule.size() &&
          (first_of(n, hydrogen, c) < molecule.size() || first_of(n, carbon, after) < molecule.size());
      if (!peptide) continue;
      const DihedralAtoms atoms{before, c, n, after};
      const bool cis = std::abs(dihedral(molecule.positions, atoms)) < std::numbers::pi / 2;
      guards.push_back({atoms, cis ? 0.0 : std::numbers::pi, std::numbers::pi / 2, 100});
    }
  }
  return guards;
}

}  // namespace equibolt
