#pragma once

#include <cstddef>
#include <span>

#include "chemistry/bond_graph.h"
#include "chemistry/molecule.h"
#include "equibolt/configurations.h"

namespace equibolt {

/// Numbers of configurations by what they are, compared with a molecule.
struct IdentityCounts {
  std::size_t same = 0, mirrored = 0, other_hand = 0, other_bonds = 0;  ///< as the values of Identity
  std::size_t renumbered = 0;  ///< whose atoms were not in the molecule's order
};

/// What to do with configurations that are the molecule's mirror image.
enum class MirrorImages { keep, reflect };

/// Puts the atoms of each configuration of x (B, N, 3), Å, that has the molecule's bonds into the molecule's
/// order, so that its names are theirs. Configurations of other bonds stay as they are. `identities`, unless
/// it is empty, receives what each of them was, (B,).
IdentityCounts relabel(ConfigurationsView<double> x, const Molecule& molecule, MirrorImages images,
                       std::span<Identity> identities = {});

/// Whether the molecule's mirror image is another one.
bool is_chiral(const Molecule& molecule);

}  // namespace equibolt
