#include "io/structure_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr const char* kPdb =
    "REMARK\n"
    "ATOM      1  N   ALA A   2       0.013   1.096   0.356  1.00  0.00           N  \r\n"
    "HETATM    2  CA AALA A   2       0.810   0.566  -0.761  1.00  0.00           C  \n"
    "HETATM    3  CA BALA A   2       0.811   0.567  -0.762  1.00  0.00           C  \n"
    "ATOM      4 HB11 ALA A   2       2.599   0.297   0.430\n"
    "ATOM      5  CL  CL- B  -3       1.000  -2.000   3.000  1.00  0.00          CL\n"
    "ENDMDL\n"
    "ATOM      1  N   ALA A   2       9.013   1.096   0.356  1.00  0.00           N  \n";

Configurations<float> some_frames() {
  Configurations<float> x(2, 4, 3);
  for (std::size_t k = 0; k < x.size(); ++k) x.data()[k] = 0.25F * static_cast<float>(k) - 3;
  return x;
}

TEST(Structure, ReadsTheFirstModelOfPdb) {
  const Molecule molecule = parse_pdb(kPdb, "x.pdb");
  ASSERT_EQ(molecule.size(), 4U);
  EXPECT_EQ(molecule.elements(), (std::vector<int>{7, 6, 1, 17}));
  EXPECT_EQ(molecule.atoms[1].name, "CA");
  EXPECT_EQ(molecule.atoms[1].residue, "ALA");
  EXPECT_EQ(molecule.atoms[3].chain, 'B');
  EXPECT_EQ(molecule.atoms[3].residue_number, -3);
  EXPECT_EQ(molecule.positions[5], -0.761);
}

TEST(Structure, TellsWhatIsWrongAndWhere) {
  const auto message = [](const std::string& text, bool pdb) -> std::string {
    try {
      pdb ? parse_pdb(text, "f") : parse_xyz(text, "f");
    } catch (const DataError& error) {
      return error.what();
    }
    return "no error";
  };
  const std::string line = "ATOM      1  N   ALA A   2       0.013   1.096   0.356  1.00  0.00           N  ";
  const auto changed = [&](std::size_t column, std::string_view to) {
    std::string text = line;
    std::copy(to.begin(), to.end(), text.begin() + static_cast<std::ptrdiff_t>(column) - 1);
    return text;
  };
  EXPECT_EQ(message("", true), "f: no atoms");
  EXPECT_EQ(message(std::string("\n").append(line, 0, 50), true),
            "f:2: the line ends before the coordinates (column 54)");
  EXPECT_EQ(message(changed(33, "x"), true), "f:1: a coordinate: expected a number, found 'x0.013'");
  EXPECT_EQ(message(changed(31, "     nan"), true), "f:1: a coordinate is not finite");
  EXPECT_EQ(message(changed(77, "Fr"), true), "f:1: 'Fr' is no element up to Rn");
  EXPECT_EQ(message("2\n\nH 0 0 0\n", false), "f: 2 atoms announced, 1 found");
  EXPECT_EQ(message("0\n\n", false), "f:1: expected 1 to 1000000 atoms, found 0");
  EXPECT_EQ(message("1\n\nU 0 0 0\n", false), "f:3: 'U' is no element up to Rn");
  EXPECT_EQ(message("1\n\nH 0 0\n", false), "f:3: expected an element and three coordinates");
  EXPECT_EQ(message("1\n\nH 0 0 inf\n", false), "f:3: a coordinate is not finite");
}

TEST(Structure, WhatIsWrittenIsRead) {
  const Molecule molecule = parse_pdb(kPdb, "x.pdb");
  const Configurations<float> x = some_frames();
  const Molecule from_pdb = parse_pdb(pdb_text(molecule, x.view()), "out.pdb");
  const Molecule from_xyz = parse_xyz(xyz_text(molecule, x.view()), "out.xyz");
  EXPECT_EQ(from_pdb.elements(), molecule.elements());
  EXPECT_EQ(from_xyz.elements(), molecule.elements());
  for (std::size_t i = 0; i < molecule.size(); ++i) {
    EXPECT_EQ(from_pdb.atoms[i].name, molecule.atoms[i].name);
    EXPECT_EQ(from_pdb.atoms[i].residue_number, molecule.atoms[i].residue_number);
    for (std::size_t k = 3 * i; k < 3 * i + 3; ++k) {
      EXPECT_EQ(from_pdb.positions[k], static_cast<double>(x[0][k]));
      EXPECT_EQ(from_xyz.positions[k], static_cast<double>(x[0][k]));
    }
  }
  Configurations<float> far = x;
  far.data()[1] = 12345;
  EXPECT_THROW((void)pdb_text(molecule, far.view()), DataError);
}

TEST(Structure, DcdHoldsRecordsOfOneCoordinateEach) {
  const Configurations<float> x = some_frames();
  const Bytes bytes = dcd_bytes(x.view());
  const auto integer = [&](std::size_t at) {
    std::int32_t value = 0;
    std::memcpy(&value, &bytes[at], 4);
    return value;
  };
  EXPECT_EQ(integer(0), 84);
  EXPECT_EQ(integer(8), 2);  // frames
  constexpr std::size_t frames = 92 + 92 + 12;
  ASSERT_EQ(bytes.size(), frames + 2 * 3 * (4 * 4 + 8));
  float y = 0;
  std::memcpy(&y, &bytes[frames + 24 + 4 + 2 * 4], 4);  // frame 0, y of atom 2
  EXPECT_EQ(y, x[0][2 * 3 + 1]);
}

}  // namespace
}  // namespace equibolt
