#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "chemistry/molecule.h"
#include "equibolt/configurations.h"

namespace equibolt {

/// Tells configurations of a molecule from others: in other units of length or with the atoms in another
/// order they have an energy too, and nothing else would tell.
class FrameCheck {
 public:
  /// The molecule must outlive this object.
  explicit FrameCheck(const Molecule& molecule);

  /// Why the configuration x (N, 3), Å, is not one of the molecule, with a guess at the reason: atoms that
  /// are bonded in the molecule's structure and far apart in x, or the other way round. Bonds may stretch
  /// to 1.4 times the sum of the covalent radii, and what is not bonded may come as near as 0.8 times it,
  /// which no thermal motion reaches. Empty where it fits.
  std::string fault(std::span<const double> x) const;

 private:
  /// A pair of atoms that is not as it should be.
  struct Misfit {
    std::size_t i, j;
    double distance;  ///< Å
    bool bonded;      ///< in the structure
  };
  /// The first in x times `scale`.
  std::optional<Misfit> misfit(std::span<const double> x, double scale) const;
  std::string reason(std::span<const double> x) const;

  const Molecule& molecule_;
  std::vector<int> elements_;
  std::set<std::pair<std::size_t, std::size_t>> bonded_;
};

/// Throws DataError that names the first of the configurations x (B, N, 3) that is not one of the molecule.
/// `origin` is the file, for the message.
void require_frames_of(const Molecule& molecule, ConfigurationsView<const double> x,
                       const std::string& origin);

}  // namespace equibolt
