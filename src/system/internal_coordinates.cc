#include "system/internal_coordinates.h"

#include <cmath>
#include <utility>

namespace equibolt {

double distance_of(std::span<const double> x, const AtomPair& pair) {
  double square = 0;
  for (std::size_t k = 0; k < 3; ++k) {
    const double difference = x[3 * pair[0] + k] - x[3 * pair[1] + k];
    square += difference * difference;
  }
  return std::sqrt(square);
}

InternalCoordinates::InternalCoordinates(std::size_t particles, std::vector<DihedralAtoms> dihedrals)
    : particles_(particles), dihedrals_(std::move(dihedrals)) {
  pairs_.reserve(particles * (particles - 1) / 2);
  for (std::size_t i = 0; i < particles; ++i) {
    for (std::size_t j = i + 1; j < particles; ++j) pairs_.push_back({i, j});
  }
}

std::vector<double> InternalCoordinates::values(std::span<const double> x) const {
  std::vector<double> values;
  values.reserve(size());
  for (const AtomPair& pair : pairs_) values.push_back(distance_of(x, pair));
  for (const DihedralAtoms& atoms : dihedrals_) values.push_back(dihedral(x, atoms));
  return values;
}

void InternalCoordinates::add_gradient(std::span<const double> x, std::span<const double> scale,
                                       std::span<double> gradient) const {
  for (std::size_t p = 0; p < pairs_.size(); ++p) {
    if (scale[p] == 0) continue;
    const auto [i, j] = pairs_[p];
    const double factor = scale[p] / distance_of(x, pairs_[p]);
    for (std::size_t k = 0; k < 3; ++k) {
      const double part = factor * (x[3 * i + k] - x[3 * j + k]);
      gradient[3 * i + k] += part;
      gradient[3 * j + k] -= part;
    }
  }
  for (std::size_t d = 0; d < dihedrals_.size(); ++d) {
    const double factor = scale[pairs_.size() + d];
    if (factor != 0) add_dihedral_gradient(x, dihedrals_[d], factor, gradient);
  }
}

std::vector<std::size_t> InternalCoordinates::atoms_of(std::size_t c) const {
  if (c < pairs_.size()) return {pairs_[c].begin(), pairs_[c].end()};
  const DihedralAtoms& atoms = dihedrals_[c - pairs_.size()];
  return {atoms.begin(), atoms.end()};
}

}  // namespace equibolt
