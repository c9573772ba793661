#include "chemistry/relabel.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "io/structure_file.h"

namespace equibolt {
namespace {

Molecule dipeptide() {
  return read_structure(EQUIBOLT_SOURCE_DIR "/systems/alanine_dipeptide.pdb");
}

TEST(Relabel, PutsAtomsInTheStructuresOrderAndReflectsWhereAsked) {
  const Molecule molecule = dipeptide();
  EXPECT_TRUE(is_chiral(molecule));
  for (const MirrorImages images : {MirrorImages::keep, MirrorImages::reflect}) {
    Configurations<double> x(3, molecule.size(), 3);
    for (std::size_t k = 0; k < x.coordinates(); ++k) {
      x[0][k] = molecule.positions[k];
      x[1][k] = -molecule.positions[k];
      x[2][k] = 3 * molecule.positions[k];
    }
    // Two hydrogens of a methyl group exchanged.
    for (std::size_t d = 0; d < 3; ++d) std::swap(x[0][d], x[0][2 * 3 + d]);
    std::vector<Identity> identities(3);
    const IdentityCounts counts = relabel(x.view(), molecule, images, identities);
    EXPECT_EQ(identities, (std::vector{Identity::same, Identity::mirrored, Identity::other_bonds}));
    EXPECT_EQ(counts.same, 1U);
    EXPECT_EQ(counts.mirrored, 1U);
    EXPECT_EQ(counts.other_bonds, 1U);
    const double sign = images == MirrorImages::reflect ? 1 : -1;
    for (std::size_t i = 8; i < 11; ++i) {  // atoms that nothing is interchangeable with
      for (std::size_t d = 0; d < 3; ++d)
        EXPECT_EQ(x[1][3 * i + d], sign * molecule.positions[3 * i + d]) << i;
    }
  }
}

}  // namespace
}  // namespace equibolt
