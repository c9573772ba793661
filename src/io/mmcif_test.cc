#include "io/mmcif.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "equibolt/error.h"

namespace equibolt {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kHead =
    "data_test\n"
    "loop_\n"
    "_atom_site.group_PDB\n_atom_site.id\n_atom_site.type_symbol\n_atom_site.label_atom_id\n"
    "_atom_site.label_alt_id\n_atom_site.label_comp_id\n_atom_site.label_asym_id\n_atom_site.label_seq_id\n"
    "_atom_site.pdbx_PDB_ins_code\n_atom_site.Cartn_x\n_atom_site.Cartn_y\n_atom_site.Cartn_z\n"
    "_atom_site.occupancy\n_atom_site.auth_seq_id\n_atom_site.auth_asym_id\n_atom_site.pdbx_PDB_model_num\n";

std::string refused(const std::string& text) {
  try {
    (void)parse_mmcif(text, "f");
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Mmcif, AtomSitesAreRead) {
  const Molecule molecule = parse_mmcif(std::string(kHead) +
                                            "ATOM   1 N  N     . ALA A 1 ? 0.013 1.096 0.356 1.0 -2 AA 1\n"
                                            "ATOM   2 C  CA    A ALA A 1 ? 0.810 0.566 -0.761 0.4 -2 AA 1\n"
                                            "ATOM   3 C  CA    B ALA A 1 ? 0.811 0.567 -0.762 0.6 -2 AA 1\n"
                                            "HETATM 4 O  \"O5'\" . LIG B . C 1 2 3 1.0 12 B 1\n"
                                            "HETATM 5 CA CA    . CA  C . ? 4 5 6 1.0 301 B 1\n"
                                            "HETATM 6 D  D1    . DOD D . ? 4 6 6 1.0 302 B 1\n"
                                            "ATOM   1 N  N     . ALA A 1 ? 9 9 9 1.0 -2 AA 2\n",
                                        "f");
  EXPECT_EQ(molecule.elements(), (std::vector<int>{7, 6, 8, 20, 1}));
  EXPECT_EQ(molecule.positions[3], 0.811);
  EXPECT_EQ(molecule.atom("AA/-2:CA"), 1U);
  EXPECT_EQ(molecule.atom("12C:O5'"), 2U);
  EXPECT_EQ(molecule.atoms[2].residue, "LIG");
  EXPECT_NEAR(molecule.masses()[4], 2.014, 1e-3);
  EXPECT_THAT(molecule.notes,
              ElementsAre(HasSubstr("1 atoms at alternative locations were left out (residues AA/-2)"),
                          HasSubstr("only the first of 2 models")));
}

TEST(Mmcif, WhatIsNotThereIsNotNeeded) {
  const std::string sites =
      "loop_\n_atom_site.label_atom_id\n_atom_site.type_symbol\n_atom_site.Cartn_x\n_atom_site.Cartn_y\n"
      "_atom_site.Cartn_z\nO1 O 0 0 +1.5\n";
  const Molecule molecule = parse_mmcif("data_x\n" + sites, "f");
  EXPECT_EQ(molecule.atom("1:O1"), 0U);
  EXPECT_EQ(molecule.positions, (std::vector<double>{0, 0, 1.5}));
  EXPECT_THAT(molecule.notes, IsEmpty());
  const std::string cell = "data_x\n_cell.length_a 31.3(2)\n_cell.length_b 20\n_cell.length_c 10\n";
  EXPECT_THAT(parse_mmcif(cell + sites, "f").notes,
              ElementsAre(HasSubstr("the unit cell of 31.3 × 20 × 10 Å is ignored")));
}

TEST(Mmcif, MessagesSayWhatIsWrongAndWhere) {
  const auto row = [](const std::string& symbol, const std::string& z) {
    return refused(std::string(kHead) + "ATOM 1 O O . HOH A 1 ? 0 0 0 1.0 1 A 1\nATOM 2 " + symbol +
                   " H1 . HOH A 1 ? 0 0 " + z + " 1.0 1 A 1\n");
  };
  EXPECT_EQ(row("H", "1"), "no error");
  EXPECT_EQ(row("U", "1"), "f: row 2 of _atom_site: 'U' is not an element from H to Rn");
  EXPECT_EQ(row("H", "?"), "f: row 2 of _atom_site: a coordinate: expected a number, found ''");
  EXPECT_EQ(row("H", "1.0x"), "f: row 2 of _atom_site: a coordinate: expected a number, found '1.0x'");
  EXPECT_THAT(refused("ATOM      1  N   ALA A   2       0.013   1.096   0.356\n"),
              HasSubstr("f: not a CIF file"));
  EXPECT_THAT(refused(std::string(kHead) + "ATOM 1 O O\n"), HasSubstr("f: not a CIF file"));
  EXPECT_THAT(refused("data_x\nloop_\n_atom_site_label\n_atom_site_fract_x\nC1 0.25\n"),
              AllOf(HasSubstr("f: no atoms"), HasSubstr("fractional coordinates")));
  EXPECT_THAT(refused(""), HasSubstr("f: no"));
}

}  // namespace
}  // namespace equibolt
