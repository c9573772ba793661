#include "system/frame_check.h"

#include <cmath>

#include "chemistry/elements.h"
#include "equibolt/error.h"
#include "system/symmetry.h"

namespace equibolt {
namespace {

constexpr double kLongestBond = 1.4, kNearestOthers = 0.8;  // times the sum of the covalent radii

}  // namespace

FrameCheck::FrameCheck(const Molecule& molecule) : molecule_(molecule), elements_(molecule.elements()) {
  const Bonds bonds = bonds_of(elements_, molecule.positions.data());
  bonded_.insert(bonds.begin(), bonds.end());
}

std::optional<FrameCheck::Misfit> FrameCheck::misfit(std::span<const double> x, double scale) const {
  auto next = bonded_.begin();  // in the order of the loops
  for (std::size_t i = 0; i < elements_.size(); ++i) {
    for (std::size_t j = i + 1; j < elements_.size(); ++j) {
      const bool bonded = next != bonded_.end() && *next == std::pair{i, j};
      if (bonded) ++next;
      const double radii = covalent_radius(elements_[i]) + covalent_radius(elements_[j]);
      double square = 0;
      for (std::size_t k = 0; k < 3; ++k) {
        square += (x[3 * i + k] - x[3 * j + k]) * (x[3 * i + k] - x[3 * j + k]);
      }
      const double distance = scale * std::sqrt(square);
      const bool fits = bonded ? distance <= kLongestBond * radii : distance >= kNearestOthers * radii;
      if (!fits) return Misfit{i, j, distance, bonded};
    }
  }
  return std::nullopt;
}

std::string FrameCheck::reason(std::span<const double> x) const {
  struct Unit {
    const char* name;
    double in_angstrom;
  };
  for (const Unit& unit : {Unit{"nm", 10}, {"Bohr", 0.529177}, {"pm", 0.01}}) {
    if (misfit(x, unit.in_angstrom)) continue;
    return fmt::format("the positions are in {}, and Å are expected; multiply them by {}", unit.name,
                       unit.in_angstrom);
  }
  return "is the order of atoms that of the structure? If this configuration alone is broken, leave it out";
}

std::string FrameCheck::fault(std::span<const double> x) const {
  const auto found = misfit(x, 1);
  if (!found) return "";
  return fmt::format("{} and {} are {} in {}, here they are {:.3g} Å apart: {}",
                     atom_label(molecule_, found->i), atom_label(molecule_, found->j),
                     found->bonded ? "bonded" : "not bonded", molecule_.origin, found->distance, reason(x));
}

void require_frames_of(const Molecule& molecule, ConfigurationsView<const double> x,
                       const std::string& origin) {
  const FrameCheck check(molecule);
  for (std::size_t b = 0; b < x.count(); ++b) {
    const std::string fault = check.fault(x[b]);
    if (!fault.empty())
      throw DataError("{}: configuration {} is not one of the molecule: {}", origin, b, fault);
  }
}

}  // namespace equibolt
