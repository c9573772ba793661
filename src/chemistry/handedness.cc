#include "chemistry/handedness.h"

#include <algorithm>

#include "chemistry/torsions.h"

namespace equibolt {

std::optional<Handedness> Handedness::of(const Molecule& molecule) {
  const Bonds bonds = bonds_of(molecule.elements(), molecule.positions.data());
  const auto centres = stereocentres(molecule, bonds);
  if (centres.empty()) return std::nullopt;
  Handedness hand;
  hand.centre_ = centres[0];
  std::ranges::copy(neighbours_of(molecule.size(), bonds)[centres[0]], hand.around_.begin());
  hand.reference_ = hand.volume(molecule.positions);
  return hand;
}

double Handedness::volume(std::span<const double> x) const {
  std::array<std::array<double, 3>, 3> edges{};
  for (std::size_t e = 0; e < 3; ++e) {
    for (std::size_t k = 0; k < 3; ++k) edges[e][k] = x[3 * around_[e + 1] + k] - x[3 * around_[0] + k];
  }
  const auto& [a, b, c] = edges;
  return a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) +
         a[2] * (b[0] * c[1] - b[1] * c[0]);
}

}  // namespace equibolt
