#include "chemistry/torsions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace equibolt {
namespace {

using testing::ElementsAre;

/// A molecule of elements and bonds alone.
Molecule molecule_of(const std::vector<int>& elements) {
  Molecule molecule;
  for (const int element : elements) {
    Atom atom;
    atom.element = element;
    atom.name = "X";
    molecule.atoms.push_back(atom);
  }
  return molecule;
}

std::vector<std::string> texts(const std::vector<Torsion>& torsions) {
  std::vector<std::string> all;
  for (const Torsion& t : torsions) {
    std::ostringstream text;
    text << t.name << ":";
    for (const std::size_t atom : t.atoms) text << " " << atom;
    all.push_back(text.str());
  }
  return all;
}

TEST(Torsions, MethylGroupsAreNone) {
  // Butane: carbons 0 to 3, hydrogens behind them.
  const Molecule butane = molecule_of({6, 6, 6, 6, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  const Bonds bonds{{0, 1}, {0, 4}, {0, 5},  {0, 6},  {1, 2},  {1, 7}, {1, 8},
                    {2, 3}, {2, 9}, {2, 10}, {3, 11}, {3, 12}, {3, 13}};
  EXPECT_THAT(texts(torsions_of(butane, bonds)), ElementsAre("t1: 0 1 2 3"));
  EXPECT_THAT(stereocentres(butane, bonds), ElementsAre());
}

TEST(Torsions, AHydroxylGroupTurnsByItsHydrogen) {
  // Ethanol: C C O, then H of CH3, CH2, OH.
  const Molecule ethanol = molecule_of({6, 6, 8, 1, 1, 1, 1, 1, 1});
  const Bonds bonds{{0, 1}, {0, 3}, {0, 4}, {0, 5}, {1, 2}, {1, 6}, {1, 7}, {2, 8}};
  EXPECT_THAT(texts(torsions_of(ethanol, bonds)), ElementsAre("t1: 0 1 2 8"));
}

TEST(Torsions, BondsInRingsAreNone) {
  // Cyclobutanol without its hydrogens on carbon: the ring is stiff, the hydroxyl group turns.
  const Molecule ring = molecule_of({6, 6, 6, 6, 8, 1});
  const Bonds bonds{{0, 1}, {0, 3}, {0, 4}, {1, 2}, {2, 3}, {4, 5}};
  EXPECT_THAT(texts(torsions_of(ring, bonds)), ElementsAre("t1: 1 0 4 5"));
}

TEST(Torsions, ThreeAtomsOnALineHaveNone) {
  // Propionitrile's heavy atoms, N≡C–C–C: the dihedral over N, C, C is not defined.
  Molecule nitrile = molecule_of({7, 6, 6, 6, 1});
  const Bonds bonds{{0, 1}, {1, 2}, {2, 3}, {3, 4}};
  EXPECT_THAT(texts(torsions_of(nitrile, bonds)), ElementsAre("t1: 0 1 2 3", "t2: 1 2 3 4"));
  nitrile.positions = {0, 0, 0, 1.16, 0, 0, 2.62, 0, 0, 3.2, 1.4, 0, 4.3, 1.4, 0.2};
  EXPECT_THAT(texts(torsions_of(nitrile, bonds)), ElementsAre("t1: 1 2 3 4"));
}

TEST(Torsions, APeptidesBackboneHasItsNames) {
  // N-acetyl-alanine-N-methylamide without hydrogens: CH3 C O | N CA CB C O | N C.
  Molecule peptide = molecule_of({6, 6, 8, 7, 6, 6, 6, 8, 7, 6});
  const char* names[] = {"CH3", "C", "O", "N", "CA", "CB", "C", "O", "N", "C"};
  const char* residues[] = {"1", "1", "1", "2", "2", "2", "2", "2", "3", "3"};
  for (std::size_t k = 0; k < peptide.size(); ++k) {
    peptide.atoms[k].name = names[k];
    peptide.atoms[k].residue_number = residues[k];
  }
  const Bonds bonds{{0, 1}, {1, 2}, {1, 3}, {3, 4}, {4, 5}, {4, 6}, {6, 7}, {6, 8}, {8, 9}};
  EXPECT_THAT(texts(torsions_of(peptide, bonds)),
              ElementsAre("omega: 0 1 3 4", "phi: 1 3 4 6", "psi: 3 4 6 8", "omega2: 4 6 8 9"));
}

TEST(Torsions, FourDifferentGroupsMakeAStereocentre) {
  // CHFClBr, and 2-butanol's carbon frame: C0 C1(O) C2 C3, where C1 has H, OH, methyl and ethyl.
  EXPECT_THAT(stereocentres(molecule_of({6, 1, 9, 17, 35}), {{0, 1}, {0, 2}, {0, 3}, {0, 4}}),
              ElementsAre(0));
  EXPECT_THAT(stereocentres(molecule_of({6, 1, 9, 17, 17}), {{0, 1}, {0, 2}, {0, 3}, {0, 4}}), ElementsAre());
  const Molecule butanol = molecule_of({6, 6, 6, 6, 8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
  const Bonds bonds{{0, 1}, {0, 5}, {0, 6},  {0, 7},  {1, 2},  {1, 4},  {1, 8},
                    {2, 3}, {2, 9}, {2, 10}, {3, 11}, {3, 12}, {3, 13}, {4, 14}};
  EXPECT_THAT(stereocentres(butanol, bonds), ElementsAre(1));
  EXPECT_THAT(texts(torsions_of(butanol, bonds)), ElementsAre("t1: 4 1 2 3", "t2: 0 1 4 14"));
}

}  // namespace
}  // namespace equibolt
