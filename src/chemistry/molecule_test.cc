#include "chemistry/molecule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "equibolt/error.h"

namespace equibolt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Molecule water_and_methyl() {
  Molecule molecule;
  molecule.origin = "test";
  for (const auto& [element, name, residue] :
       {std::tuple{8, "O", 1}, {1, "H1", 1}, {1, "H2", 1}, {6, "C", 2}, {1, "H1", 2}}) {
    molecule.atoms.push_back({element, name, "RES", fmt::format("{}", residue), "", 0});
  }
  molecule.positions = {0, 0, 0, 0.96, 0, 0, -0.24, 0.93, 0, 5, 0, 0, 6.09, 0, 0};
  return molecule;
}

TEST(Molecule, NamesItsAtoms) {
  const Molecule molecule = water_and_methyl();
  EXPECT_EQ(molecule.atom("3"), 3U);
  EXPECT_EQ(molecule.atom("C"), 3U);
  EXPECT_EQ(molecule.atom("2:H1"), 4U);
  for (const char* wrong : {"5", "H1", "1:C", "X", ":"})
    EXPECT_THROW((void)molecule.atom(wrong), UsageError) << wrong;
}

TEST(Molecule, NamesItsAtomsByChainAndAnyResidueNumber) {
  Molecule molecule;
  molecule.origin = "test";
  for (const auto& [chain, number] :
       {std::pair{"A", "-3"}, {"A", "12"}, {"A", "12A"}, {"B", "12"}, {"B", "A000"}})
    molecule.atoms.push_back({17, "CL", "CL-", number, chain, 0});
  EXPECT_EQ(molecule.atom("-3:CL"), 0U);
  EXPECT_EQ(molecule.atom("12A:CL"), 2U);
  EXPECT_EQ(molecule.atom("A000:CL"), 4U);
  EXPECT_EQ(molecule.atom("A/12:CL"), 1U);
  EXPECT_EQ(molecule.atom("B/12:CL"), 3U);
  const auto message = [&](const char* text) -> std::string {
    try {
      (void)molecule.atom(text);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message("12:CL"),
              AllOf(HasSubstr("2 atoms are called '12:CL'"), HasSubstr("1 (A/12:CL), 3 (B/12:CL)")));
  EXPECT_THAT(message("4294967308:CL"), HasSubstr("no atom is called '4294967308:CL'"));  // 12, modulo 2^32
  EXPECT_THAT(message("C/12:CL"), HasSubstr("there are -3:CL 12:CL 12A:CL"));
  EXPECT_THAT(message("5"), HasSubstr("expected an index below 5 (they count from 0)"));
}

TEST(Molecule, HasAFormulaInHillsOrder) {
  EXPECT_EQ(water_and_methyl().formula(), "CH3O");
  Molecule molecule;
  for (const int element : {1, 8, 17, 1, 35}) molecule.atoms.push_back({element, "", "", "1", "", 0});
  EXPECT_EQ(molecule.formula(), "BrClH2O");  // without carbon by the alphabet
  molecule.atoms.push_back({6, "", "", "1", "", 0});
  EXPECT_EQ(molecule.formula(), "CH2BrClO");
  EXPECT_EQ(Molecule{}.formula(), "");
}

TEST(Molecule, FindsBonds) {
  const Molecule molecule = water_and_methyl();
  const Bonds bonds = bonds_of(molecule.elements(), molecule.positions.data());
  EXPECT_EQ(bonds, (Bonds{{0, 1}, {0, 2}, {3, 4}}));
  EXPECT_EQ(neighbours_of(5, bonds)[0], (std::vector<std::size_t>{1, 2}));
}

}  // namespace
}  // namespace equibolt
