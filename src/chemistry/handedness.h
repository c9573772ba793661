#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "chemistry/molecule.h"

namespace equibolt {

/// Which of a chiral molecule's two mirror images a configuration is: by the volume of the tetrahedron of the
/// four different groups at its first stereocentre.
class Handedness {
 public:
  /// Nothing for a molecule without a stereocentre (chemistry/torsions.h).
  static std::optional<Handedness> of(const Molecule& molecule);

  /// Whether x (N, 3), in any unit, is the mirror image of the molecule's positions.
  bool is_mirrored(std::span<const double> x) const { return volume(x) * reference_ < 0; }
  std::size_t centre() const { return centre_; }

 private:
  double volume(std::span<const double> x) const;

  std::size_t centre_ = 0;
  std::array<std::size_t, 4> around_{};
  double reference_ = 0;
};

}  // namespace equibolt
