#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "chemistry/molecule.h"

namespace equibolt {

/// A molecule's atoms and bonds as a coloured graph, seen up to the numbering of atoms, as a flow whose
/// particles are interchangeable gives them.
class BondGraph {
 public:
  /// Bonds by distances in positions x (N, 3).
  BondGraph(std::vector<int> elements, std::span<const double> x);

  /// (N,): equal for atoms that look alike from their elements, their neighbours', and so on outwards
  /// (Weisfeiler and Leman's refinement); does not depend on the numbering.
  const std::vector<std::uint64_t>& colours() const { return colours_; }
  /// Equal for the same molecule however its atoms are numbered. Different graphs may share it, but none of
  /// few rings that chemistry knows.
  std::uint64_t fingerprint() const;
  /// For each stereocentre, an atom with four neighbours of different colours, in the order of their colours:
  /// +1 or −1 by the triple product of its neighbours, which a reflection turns.
  std::vector<int> handedness() const;
  /// Of −x.
  BondGraph mirrored() const;

 private:
  std::vector<int> elements_;
  std::vector<double> x_;
  std::vector<std::vector<std::size_t>> neighbours_;
  std::vector<std::uint64_t> colours_;
};

/// What a configuration is, compared with a molecule's.
enum class Identity {
  same,        ///< the same bonds and, at every stereocentre, the same hand
  mirrored,    ///< the same bonds, every hand the other
  other_hand,  ///< the same bonds, some hands the same and some the other
  other_bonds  ///< another molecule, or none
};

Identity compare(const BondGraph& configuration, const BondGraph& reference);

}  // namespace equibolt
