#include "system/restrained.h"

#include <algorithm>
#include <cmath>
#include <limits>
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
    : energy_(std::move(energy)), restraints_(std::move(restraints)) {
  for (const DihedralRestraint& r : restraints_) {
    if (!(r.stiffness >= 0 && r.width >= 0 && std::isfinite(r.centre) && std::isfinite(r.stiffness))) {
      throw UsageError("restraint: expected finite numbers and stiffness and width >= 0, found {}, {}, {}",
                       r.centre, r.stiffness, r.width);
    }
    if (energy_->dim() != 3 || *std::max_element(r.atoms.begin(), r.atoms.end()) >= energy_->particles()) {
      throw UsageError("restraint: the dihedral's atoms are not among {} particles in {} dimensions",
                       energy_->particles(), energy_->dim());
    }
  }
}

std::unique_ptr<Energy> Restrained::clone() const {
  return std::make_unique<Restrained>(energy_->clone(), restraints_);
}

double Restrained::restraint_energy(std::span<const double> x) const {
  double sum = 0;
  for (const DihedralRestraint& restraint : restraints_)
    sum += restraint.energy(dihedral(x, restraint.atoms));
  return sum;
}

void Restrained::evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                          ConfigurationsView<double> gradient, std::span<EnergyStatus> status) {
  energy_->evaluate(x, energy, gradient, status);
  for (std::size_t b = 0; b < x.count(); ++b) {
    if (status[b] != EnergyStatus::ok) continue;
    for (const DihedralRestraint& restraint : restraints_) {
      const double angle = dihedral(x[b], restraint.atoms);
      energy[b] += restraint.energy(angle);
      if (gradient.size() > 0) {
        add_dihedral_gradient(x[b], restraint.atoms, restraint.derivative(angle), gradient[b]);
      }
    }
    if (std::isfinite(energy[b])) continue;  // atoms on a line have no dihedral
    status[b] = EnergyStatus::not_finite;
    energy[b] = std::numeric_limits<double>::infinity();
    if (gradient.size() > 0) std::fill(gradient[b].begin(), gradient[b].end(), 0.0);
  }
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
