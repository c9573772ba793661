#include "io/pdb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <gemmi/pdb.hpp>
#include <string>
#include <vector>

#include "chemistry/elements.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"

namespace equibolt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kPdb =
    "REMARK\n"
    "ATOM      1  N   ALA A   2       0.013   1.096   0.356  1.00  0.00           N  \r\n"
    "HETATM    2  CA AALA A   2       0.810   0.566  -0.761  1.00  0.00           C  \n"
    "HETATM    3  CA BALA A   2       0.811   0.567  -0.762  1.00  0.00           C  \n"
    "ATOM      4 HB11 ALA A   2       2.599   0.297   0.430\n"
    "ATOM      5  CL  CL- B  -3       1.000  -2.000   3.000  1.00  0.00          CL\n"
    "ENDMDL\n"
    "ATOM      1  N   ALA A   2       9.013   1.096   0.356  1.00  0.00           N  \n";

/// An ATOM record; `name` fills columns 13 to 16, `residue` 18 to 20, `number` 23 to 27.
std::string record(const std::string& name, const std::string& residue, const std::string& number = "   1 ",
                   char location = ' ', double occupancy = 1, const std::string& element = "", double x = 0) {
  return fmt::format("HETATM    1 {:<4}{}{:<3}  {:<5}   {:8.3f}{:8.3f}{:8.3f}{:6.2f}  0.00          {:>2}\n",
                     name, location, residue, number, x, 0.5, -1.25, occupancy, element);
}

std::vector<std::string> names(const Molecule& molecule) {
  std::vector<std::string> found;
  for (std::size_t i = 0; i < molecule.size(); ++i) found.push_back(molecule.name_of(i));
  return found;
}

std::string symbols(const Molecule& molecule) {
  std::string text;
  for (const int element : molecule.elements()) text += fmt::format("{} ", element_symbol(element));
  return text;
}

std::string refused(const std::string& text) {
  try {
    (void)parse_pdb(text, "f");
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Pdb, TheFirstModelIsRead) {
  const Molecule molecule = parse_pdb(kPdb, "x.pdb");
  ASSERT_EQ(molecule.size(), 4U);
  EXPECT_EQ(molecule.elements(), (std::vector<int>{7, 6, 1, 17}));
  EXPECT_EQ(molecule.atoms[1].name, "CA");
  EXPECT_EQ(molecule.atoms[1].residue, "ALA");
  EXPECT_EQ(molecule.atoms[3].chain, "B");
  EXPECT_EQ(molecule.atoms[3].residue_number, "-3");
  EXPECT_EQ(molecule.positions[5], -0.761);
  EXPECT_THAT(molecule.notes, ElementsAre(HasSubstr("1 atoms at alternative locations"),
                                          HasSubstr("only the first of 2 models")));
}

TEST(Pdb, MessagesSayWhatIsWrongAndWhere) {
  const std::string line = "ATOM      1  N   ALA A   2       0.013   1.096   0.356  1.00  0.00           N  ";
  const auto changed = [&](std::size_t column, std::string_view to) {
    std::string text = line;
    std::copy(to.begin(), to.end(), text.begin() + static_cast<std::ptrdiff_t>(column) - 1);
    return text;
  };
  EXPECT_EQ(refused(""), "f: no atoms: no line begins with ATOM or HETATM, in capitals");
  EXPECT_EQ(refused("atom      1  n   ala a   2       0.013   1.096   0.356"), refused(""));
  EXPECT_EQ(refused(std::string("\n").append(line, 0, 50)),
            "f:2: the line ends before the coordinates (column 54)");
  EXPECT_EQ(refused(changed(33, "x")), "f:1: a coordinate: expected a number, found 'x0.013'");
  EXPECT_EQ(refused(changed(31, "     nan")), "f:1: a coordinate is not finite");
  EXPECT_EQ(refused(changed(31, "********")), "f:1: a coordinate: expected a number, found '********'");
  EXPECT_EQ(refused(changed(77, "Fr")), "f:1: 'Fr' is not an element from H to Rn");
  EXPECT_THAT(refused(changed(77, "EP")), HasSubstr("'EP' is a virtual site"));
  EXPECT_THAT(refused(record(" EPW", "HOH")), HasSubstr("virtual site"));
}

TEST(Pdb, OfEachAtomTheFullestLocationIsTaken) {
  // The case of a refined structure in which location A was removed: nothing may be lost.
  const Molecule molecule = parse_pdb(
      record(" N  ", "ALA", "   2 ", ' ', 1, "N") + record(" CB ", "ALA", "   2 ", 'B', 1, "C", 1) +
          record(" CB ", "ALA", "   2 ", 'C', 1, "C", 2) + record(" HB1", "ALA", "   2 ", 'B', 1, "H"),
      "f");
  EXPECT_EQ(symbols(molecule), "N C H ");
  EXPECT_EQ(molecule.positions[3], 1);
  EXPECT_THAT(molecule.notes,
              ElementsAre("f: 1 atoms at alternative locations were left out (residues 2): one location "
                          "of highest occupancy is used for each residue"));
}

TEST(Pdb, LocationsAreConsistentWithinAResidue) {
  // B is fuller on average, so that atoms are B's where it has them, though A's CG is fuller than B's.
  const Molecule molecule = parse_pdb(
      record(" CB ", "SER", "   2 ", 'A', 0.3, "C", 1) + record(" CB ", "SER", "   2 ", 'B', 0.7, "C", 2) +
          record(" CG ", "SER", "   2 ", 'A', 0.6, "C", 1) +
          record(" CG ", "SER", "   2 ", 'B', 0.4, "C", 2) +
          record(" OG ", "SER", "   2 ", 'A', 0.3, "O", 1) + record(" HG ", "SER", "   2 ", 'C', 0.1, "H", 3),
      "f");
  EXPECT_THAT(names(molecule), ElementsAre("2:CB", "2:CG", "2:OG", "2:HG"));
  for (const std::size_t atom : {0, 1}) EXPECT_EQ(molecule.positions[3 * atom], 2) << atom;
  EXPECT_EQ(molecule.positions[6], 1);
  // Of two residues at one place, one.
  const Molecule mutated = parse_pdb(
      record(" CB ", "SER", "   2 ", 'A', 0.4, "C") + record(" OG ", "SER", "   2 ", 'A', 0.4, "O") +
          record(" CB ", "THR", "   2 ", 'B', 0.6, "C") + record(" OG1", "THR", "   2 ", 'B', 0.6, "O"),
      "f");
  EXPECT_THAT(names(mutated), ElementsAre("2:CB", "2:OG1"));
}

TEST(Pdb, TwoWatersOfWhichOneHasLocationsAreTwoWaters) {
  std::string text;
  for (const char location : {' ', 'B', 'C'}) {
    for (const char* name : {" O  ", " H1 ", " H2 "}) text += record(name, "HOH", "   1 ", location);
  }
  EXPECT_EQ(symbols(parse_pdb(text, "f")), "O H H O H H ");
}

TEST(Pdb, ResidueNumbersAreKeptAsTheyAre) {
  const Molecule molecule = parse_pdb(record(" CA ", "ALA", "  -2 ") + record(" CA ", "ALA", "   1 ") +
                                          record(" CA ", "ALA", "   1A") + record(" CA ", "ALA", "A000 ") +
                                          record(" CA ", "ALA", "271a ") + record(" CA ", "ALA", "271b "),
                                      "f");
  EXPECT_THAT(names(molecule), ElementsAre("-2:CA", "1:CA", "1A:CA", "A000:CA", "271a:CA", "271b:CA"));
  for (std::size_t i = 0; i < molecule.size(); ++i) EXPECT_EQ(molecule.atom(molecule.name_of(i)), i);
  const Molecule again = parse_pdb(pdb_text(molecule, Configurations<float>(1, 6, 3).view()), "again");
  EXPECT_EQ(names(again), names(molecule));
}

TEST(Pdb, ElementsWithoutTheirColumnsAreCertainOrRefused) {
  const auto element = [](const char* name, const char* residue) {
    return symbols(parse_pdb(record(name, residue), "f"));
  };
  // In residues of proteins and water the first letter decides, in whichever column the name begins.
  for (const char* name : {" CA ", "CA  ", " CD1", "CD1 ", "CE  "})
    EXPECT_EQ(element(name, "MET"), "C ") << name;
  for (const char* name : {"HG2 ", " HE1", "HG21", "1HB ", " H  "})
    EXPECT_EQ(element(name, "GLU"), "H ") << name;
  EXPECT_EQ(element("NE2 ", "HIE"), "N ");
  EXPECT_EQ(element(" SD ", "MET"), "S ");
  EXPECT_EQ(element("CH3 ", "ACE"), "C ");
  EXPECT_EQ(element("OW  ", "SOL"), "O ");
  EXPECT_EQ(element(" P  ", "DA "), "P ");
  // Elsewhere only names that are not those of two elements.
  for (const auto& [name, found] :
       {std::pair{" C1 ", "C "}, {"O   ", "O "}, {" CH3", "C "}, {"HO5'", "H "}, {"1C4A", "C "}})
    EXPECT_EQ(element(name, "LIG"), found) << name;
  for (const char* name : {" CL1", "CL  ", "CA  ", " CA ", "BR1 ", "NA  ", "ZN  "}) {
    EXPECT_THAT(refused(record(name, "LIG")), HasSubstr("write it into columns 77-78")) << name;
  }
  // But for ions, whose residues have their names.
  EXPECT_EQ(element("CA  ", "CA "), "Ca ");
  EXPECT_EQ(element("CL  ", "CL-"), "Cl ");
  EXPECT_EQ(element("ZN  ", " ZN"), "Zn ");
  // The columns decide where they are filled.
  EXPECT_EQ(
      symbols(parse_pdb(
          record(" CL1", "LIG", "   1 ", ' ', 1, "CL") + record("CA  ", "LIG", "   1 ", ' ', 1, "C"), "f")),
      "Cl C ");
}

TEST(Pdb, DeuteriumIsHydrogenOfItsMass) {
  const Molecule molecule =
      parse_pdb(record(" D  ", "HOH", "   1 ", ' ', 1, "D") + record(" O  ", "HOH"), "f");
  EXPECT_EQ(molecule.elements(), (std::vector<int>{1, 8}));
  EXPECT_NEAR(molecule.masses()[0], 2.014, 1e-3);
  EXPECT_NEAR(molecule.masses()[1], 15.999, 1e-3);
}

TEST(Pdb, ACrystalsCellIsNoted) {
  const std::string atom = record(" O  ", "HOH");
  EXPECT_THAT(
      parse_pdb("CRYST1   31.300   32.100   40.000  90.00  90.00  90.00 P 21 21 21    4\n" + atom, "f").notes,
      ElementsAre(HasSubstr("f:1: the unit cell of 31.3 × 32.1 × 40 Å is ignored")));
  // Structures without a crystal have this one.
  EXPECT_THAT(
      parse_pdb("CRYST1    1.000    1.000    1.000  90.00  90.00  90.00 P 1           1\n" + atom, "f").notes,
      IsEmpty());
}

TEST(Pdb, WhatIsWrittenIsRead) {
  const Molecule molecule = parse_pdb(kPdb, "x.pdb");
  Configurations<float> x(2, 4, 3);
  for (std::size_t k = 0; k < x.size(); ++k) x.data()[k] = 0.25F * static_cast<float>(k) - 3;
  const Molecule again = parse_pdb(pdb_text(molecule, x.view()), "out.pdb");
  EXPECT_EQ(again.elements(), molecule.elements());
  EXPECT_EQ(names(again), names(molecule));
  for (std::size_t i = 0; i < molecule.size(); ++i) {
    EXPECT_EQ(again.atoms[i].residue, molecule.atoms[i].residue);
    EXPECT_EQ(again.atoms[i].chain, molecule.atoms[i].chain);
    for (std::size_t k = 3 * i; k < 3 * i + 3; ++k)
      EXPECT_EQ(again.positions[k], static_cast<double>(x[0][k]));
  }
  x.data()[1] = 12345;
  EXPECT_THROW((void)pdb_text(molecule, x.view()), DataError);
}

/// gemmi's reader of PDB files, an independent one.
TEST(Pdb, ReadsWhatGemmiReads) {
  const std::string text =
      read_text_file(std::string(EQUIBOLT_SOURCE_DIR) + "/systems/alanine_dipeptide.pdb") +
      "ATOM     23  N  AGLY B  12A      1.013   1.096   0.356  0.60  0.00           N  \n"
      "ATOM     24 ZN    ZN B  -5       1.013   1.096  -0.356  1.00  0.00          ZN2+\n";
  const std::string without_end = [&] {
    std::string lines;
    for (std::size_t from = 0; from < text.size();) {
      const auto end = text.find('\n', from);
      if (text.compare(from, 3, "END") != 0) lines += text.substr(from, end - from + 1);
      from = end + 1;
    }
    return lines;
  }();
  const Molecule molecule = parse_pdb(without_end, "f");
  const gemmi::Structure structure = gemmi::read_pdb_string(without_end, "f");
  std::size_t i = 0;
  ASSERT_EQ(structure.models.size(), 1U);
  for (const gemmi::Chain& chain : structure.models[0].chains) {
    for (const gemmi::Residue& residue : chain.residues) {
      for (const gemmi::Atom& atom : residue.atoms) {
        ASSERT_LT(i, molecule.size());
        EXPECT_EQ(molecule.atoms[i].name, atom.name);
        EXPECT_EQ(molecule.atoms[i].residue, residue.name);
        EXPECT_EQ(molecule.atoms[i].residue_number, residue.seqid.str());
        EXPECT_EQ(molecule.atoms[i].chain, chain.name);
        EXPECT_EQ(molecule.atoms[i].element, atom.element.atomic_number());
        EXPECT_EQ(molecule.positions[3 * i], atom.pos.x);
        EXPECT_EQ(molecule.positions[3 * i + 2], atom.pos.z);
        ++i;
      }
    }
  }
  EXPECT_EQ(i, 24U);
  EXPECT_EQ(molecule.size(), 24U);
}

}  // namespace
}  // namespace equibolt
