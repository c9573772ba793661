#include "io/xyz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "equibolt/error.h"

namespace equibolt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string refused(const std::string& text) {
  try {
    (void)parse_xyz(text, "f");
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

/// Of a file of the atoms C at (−0.75, 0.5, 0) and H at (0, 0, 1.25), written differently.
void expect_the_two_atoms(const std::string& text) {
  const Molecule molecule = parse_xyz(text, "f");
  EXPECT_EQ(molecule.elements(), (std::vector<int>{6, 1})) << text;
  EXPECT_EQ(molecule.positions, (std::vector<double>{-0.75, 0.5, 0, 0, 0, 1.25})) << text;
}

TEST(Xyz, NumbersAndElementsMayBeWrittenDifferently) {
  expect_the_two_atoms("2\n\nC -0.75 0.5 0\nH 0 0 1.25\n");
  expect_the_two_atoms(
      "\xef\xbb\xbf"
      "2\n\nC -0.75 0.5 0\nH 0 0 1.25");                                       // a byte-order mark
  expect_the_two_atoms("  2\t\r\n\r\nC\t-0.75\t0.5\t0\r\n H 0 0 1.25  \r\n");  // tabs, CR LF
  expect_the_two_atoms("2\r\rC -0.75 0.5 0\rH 0 0 1.25\r");                    // CR alone
  expect_the_two_atoms("2 atoms\n\nC -0.75 0.5 0\nH 0 0 1.25\n");
  expect_the_two_atoms("2\n\nC -0.75 +0.5 +0\nH +0. 0 +1.25\n");
  expect_the_two_atoms("2\n\nC -7.5D-01 5.0d-1 0.0D+00\nH 0.0E+00 0 1.25e0\n");
  expect_the_two_atoms("2\n\n6 -0.75 0.5 0\n1 0 0 1.25\n");
  expect_the_two_atoms("2\n\nC0 -0.75 0.5 0\nH12 0 0 1.25\n");
  expect_the_two_atoms("2\n\nc -0.75 0.5 0 99 98\nT 0 0 1.25 97 96\n");
}

TEST(Xyz, LabelsAreNames) {
  const Molecule molecule = parse_xyz("3\n\nC0 0 0 0\nH12 0 0 1\nD 0 1 0\n", "f");
  EXPECT_EQ(molecule.atom("H12"), 1U);
  EXPECT_EQ(molecule.atom("H"), 2U);
  EXPECT_NEAR(molecule.masses()[2], 2.014, 1e-3);
  EXPECT_EQ(parse_xyz("1\n\n6 0 0 0\n", "f").atoms[0].name, "C");
}

TEST(Xyz, PropertiesSayWhichColumnsArePositions) {
  const auto with = [](const std::string& comment, const std::string& first, const std::string& second) {
    expect_the_two_atoms("2\n" + comment + "\n" + first + "\n" + second + "\n");
  };
  with("Properties=species:S:1:pos:R:3", "C -0.75 0.5 0", "H 0 0 1.25");
  with("Properties=species:S:1:forces:R:3:pos:R:3 energy=-3.5", "C 9 9 9 -0.75 0.5 0", "H 9 9 9 0 0 1.25");
  with("energy=-3.5 Properties=pos:R:3:id:I:1:species:S:1", "-0.75 0.5 0 7 C", "0 0 1.25 8 H");
  with("name=\"a b = c\" properties=\"Z:I:1:species:S:1:pos:R:3\"", "6 C -0.75 0.5 0", "1 H 0 0 1.25");
  with("Properties=Z:I:1:pos:R:3", "6 -0.75 0.5 0", "1 0 0 1.25");
  EXPECT_THAT(refused("1\nProperties=species:S:1:forces:R:3\nC 0 0 0\n"),
              HasSubstr("f:2: Properties: expected species:S:1 (or Z:I:1) and pos:R:3"));
  EXPECT_THAT(refused("1\nProperties=species:S:x:pos:R:3\nC 0 0 0\n"), HasSubstr("found 'species:S:x'"));
  EXPECT_THAT(refused("1\nProperties=species:S:1:forces:R:3:pos:R:3\nC 0 0 0\n"),
              HasSubstr("f:3: expected 7 columns, found 4 words"));
}

TEST(Xyz, PeriodicityIsNoted) {
  const auto notes = [](const std::string& comment) {
    return parse_xyz("1\n" + comment + "\nC 0 0 0\n", "f").notes;
  };
  const std::string cell = "Lattice=\"10 0 0 0 10 0 0 0 10\"";
  EXPECT_THAT(notes(cell), ElementsAre(HasSubstr("f:2: Lattice and pbc are ignored")));
  EXPECT_THAT(notes(cell + " pbc=\"F F T\""), ElementsAre(HasSubstr("f:2: Lattice and pbc are ignored")));
  EXPECT_THAT(notes(cell + " pbc=\"F F F\""), IsEmpty());
  EXPECT_THAT(notes("a molecule"), IsEmpty());
}

TEST(Xyz, WhatFollowsIsNoted) {
  const auto notes = [](const std::string& rest) { return parse_xyz("1\n\nC 0 0 0\n" + rest, "f").notes; };
  EXPECT_THAT(notes("H 0 0 1\n"), ElementsAre(HasSubstr("f:4: more atoms follow than the 1 announced")));
  EXPECT_THAT(notes("1 0 0 1\n"), ElementsAre(HasSubstr("f:4: more atoms follow than the 1 announced")));
  EXPECT_THAT(notes("1\n\nC 0 0 1\n"), ElementsAre(HasSubstr("only the first of several frames")));
  EXPECT_THAT(notes("\n\n"), IsEmpty());
  EXPECT_THAT(notes("1341.307 1341.3284 1341.365 1562.6731\nC\tC\n"), IsEmpty());  // frequencies, as in QM9
}

TEST(Xyz, MessagesSayWhatIsWrongAndWhere) {
  EXPECT_EQ(refused(""), "f: empty");
  EXPECT_EQ(refused("2\n\nH 0 0 0\n"), "f: 2 atoms announced, 1 found");
  EXPECT_EQ(refused("0\n\n"), "f:1: expected 1 to 1000000 atoms, found 0");
  EXPECT_EQ(refused("99999999999999999999\n\n"),
            "f:1: expected 1 to 1000000 atoms, found 99999999999999999999");
  EXPECT_EQ(refused("atoms 2\n\n"), "f:1: expected the number of atoms, found 'atoms 2'");
  EXPECT_EQ(refused("1\n\nU 0 0 0\n"), "f:3: 'U' is not an element from H to Rn");
  EXPECT_EQ(refused("1\n\n87 0 0 0\n"), "f:3: expected an atomic number from 1 to 86, found 87");
  EXPECT_EQ(refused("1\n\n-0.7 0 0 0\n"), "f:3: '-0.7' is not an element from H to Rn");
  EXPECT_THAT(refused("1\n\nEP 0 0 0\n"), HasSubstr("f:3: 'EP' is a virtual site"));
  EXPECT_EQ(refused("1\n\nH 0 0\n"), "f:3: expected an element and three coordinates, found 3 words");
  EXPECT_EQ(refused("1\n\nH 0 0 inf\n"), "f:3: a coordinate is not finite");
  EXPECT_EQ(refused("1\n\nH 0 0 1.0*^-01\n"), "f:3: a coordinate: expected a number, found '1.0*^-01'");
  EXPECT_EQ(refused("1\n\nH 0 0 +-1\n"), "f:3: a coordinate: expected a number, found '+-1'");
}

TEST(Xyz, WhatIsWrittenIsRead) {
  const Molecule molecule = parse_xyz("2\n\nCl 0 0 0\nC 0 0 1\n", "f");
  Configurations<float> x(2, 2, 3);
  for (std::size_t k = 0; k < x.size(); ++k) x.data()[k] = 0.25F * static_cast<float>(k) - 3;
  const Molecule again = parse_xyz(xyz_text(molecule, x.view()), "out.xyz");
  EXPECT_EQ(again.elements(), molecule.elements());
  for (std::size_t k = 0; k < 6; ++k) EXPECT_EQ(again.positions[k], static_cast<double>(x[0][k]));
}

}  // namespace
}  // namespace equibolt
