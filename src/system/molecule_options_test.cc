#include "system/molecule_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numbers>
#include <string>
#include <vector>

#include "equibolt/error.h"

namespace equibolt {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr double pi = std::numbers::pi;

/// The message of the UsageError that `body` has to throw.
template <typename Body>
std::string refused(Body body) {
  try {
    body();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(MoleculeOptions, DihedralsHaveNames) {
  const Molecule molecule = load_molecule("alanine_dipeptide");
  const auto dihedrals = dihedrals_of(molecule, "phi: 1:C 2:N 2:CA 2:C,\n psi: 6 8 14 16");
  ASSERT_EQ(dihedrals.size(), 2U);
  EXPECT_EQ(dihedrals[0].atoms, (DihedralAtoms{4, 6, 8, 14}));
  EXPECT_EQ(dihedrals[1].name, "psi");
  const auto message = [&](const char* text) { return refused([&] { (void)dihedrals_of(molecule, text); }); };
  EXPECT_THAT(message("phi 4 6 8 14"), StartsWith("system.dihedrals: expected \"name: four atoms\""));
  EXPECT_THAT(message("phi: 1:C 2:N 2:CX 2:C"),
              AllOf(StartsWith("system.dihedrals: 'phi': "), HasSubstr("no atom is called '2:CX'")));
  EXPECT_THAT(message("phi: 4 6 8"), HasSubstr("expected four atoms"));
  EXPECT_THAT(message("phi: 4 6 8 14, phi: 6 8 14 16"), HasSubstr("two of the name 'phi'"));
}

TEST(MoleculeOptions, AStateIsAnArc) {
  const auto dihedrals = dihedrals_of(load_molecule("alanine_dipeptide"), "phi: 4 6 8 14, psi: 6 8 14 16");
  EXPECT_FALSE(state_of(dihedrals, "").has_value());
  const auto inside = [&](const std::string& text, double psi) {
    return state_of(dihedrals, text)->contains(std::vector<double>{1.0, psi});
  };
  EXPECT_EQ(state_of(dihedrals, "psi 0 2")->ranges[0].dihedral, 1U);
  const auto box = state_of(dihedrals, "psi 0 2, phi -1 1");
  EXPECT_TRUE(box->contains(std::vector<double>{0.5, 1.0}));
  EXPECT_FALSE(box->contains(std::vector<double>{1.5, 1.0}));
  EXPECT_FALSE(box->contains(std::vector<double>{0.5, -1.0}));
  EXPECT_TRUE(inside("psi 0 2", 1));
  EXPECT_FALSE(inside("psi 0 2", -1));
  // Across ±π, written in three ways.
  for (const char* text : {"psi 2 4", "psi 2 -2.2831853", "psi -4.2831853 -2.2831853"}) {
    for (const double psi : {2.5, pi, -pi, -2.5}) EXPECT_TRUE(inside(text, psi)) << text << " " << psi;
    for (const double psi : {1.9, 0.0, -2.2}) EXPECT_FALSE(inside(text, psi)) << text << " " << psi;
  }
  // Through 0, and more than half of the circle.
  for (const double psi : {-2.0, 0.0, 2.0}) EXPECT_TRUE(inside("psi -2.0944 2.0944", psi)) << psi;
  EXPECT_FALSE(inside("psi -2.0944 2.0944", pi));
}

TEST(MoleculeOptions, StatesThatAreNoneAreRefused) {
  const auto dihedrals = dihedrals_of(load_molecule("alanine_dipeptide"), "phi: 4 6 8 14, psi: 6 8 14 16");
  const auto message = [&](const char* text) { return refused([&] { (void)state_of(dihedrals, text); }); };
  for (const char* degrees : {"phi 0 120", "phi -60 60", "phi -180 0", "phi 0 7"})
    EXPECT_THAT(message(degrees), AllOf(StartsWith("system.state: "), HasSubstr("radians"))) << degrees;
  for (const char* wrong : {"phi 2 0", "phi -1 -2", "phi 1 1", "phi -3.5 3.5", "phi 4 -1"})
    EXPECT_THAT(message(wrong), HasSubstr("low < high < low + 2π")) << wrong;
  for (const char* wrong : {"phi 0", "phi 0 2 3", "phi nan 2", "0 2"})
    EXPECT_THAT(message(wrong), StartsWith("system.state: expected")) << wrong;
  EXPECT_THAT(message("chi 0 2"), HasSubstr("no dihedral is called 'chi'; system.dihedrals has phi, psi"));
}

TEST(MoleculeOptions, ListsOfTypesMayHaveCommas) {
  Molecule molecule;
  molecule.origin = "test";
  for (int k = 0; k < 3; ++k) molecule.atoms.push_back({1, "H", "", "1", "", 0});
  for (const char* text : {"0 1 1", "0, 1, 1", "0,1,1", "0\n1\n1"})
    EXPECT_EQ(particle_types_of(molecule, text), (ParticleTypes{0, 1, 1})) << text;
  for (const char* text : {"0 1", "0 -1 1", "0 1 x", "0;1;1", "element"})
    EXPECT_THAT(refused([&] { (void)particle_types_of(molecule, text); }),
                StartsWith("system.types: expected"))
        << text;
}

TEST(MoleculeOptions, AreCheckedBeforeAnyWork) {
  MoleculeOptions options;
  options.dihedrals = "phi: 1:C 2:N 2:CA 2:C";
  options.state = "phi 0 2";
  EXPECT_THAT(check_molecule_options(options), IsEmpty());
  // Indices that were counted from 1.
  options.dihedrals = "phi: 5 7 9 15";
  EXPECT_THAT(check_molecule_options(options),
              ElementsAre(HasSubstr("'phi': atoms 5 (1:O) and 7 (2:H) are not bonded in alanine_dipeptide"),
                          HasSubstr("7 (2:H) and 9 (2:HA)"), HasSubstr("9 (2:HA) and 15 (2:O)")));
  const auto message = [&] { return refused([&] { (void)check_molecule_options(options); }); };
  options.dihedrals = "phi: 1:C 2:N 2:CX 2:C";
  EXPECT_THAT(message(), StartsWith("system.dihedrals: 'phi'"));
  options.dihedrals = "phi: 1:C 2:N 2:CA 2:C";
  options.state = "fi 0 2";
  EXPECT_THAT(message(), StartsWith("system.state: "));
  options.types = "elemets";
  EXPECT_THAT(message(), StartsWith("system.types: "));
  options.structure = "absent.pdb";
  EXPECT_THAT(message(), HasSubstr("absent.pdb"));
}

}  // namespace
}  // namespace equibolt
