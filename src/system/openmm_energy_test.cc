// Systems of a formate ion, HCOO⁻, written by hand: each has something that goes wrong in practice.

#include "system/openmm_energy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <sstream>

#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "system/evaluated.h"
#include "system/symmetry.h"
#include "system/system_check.h"
#include "system/units.h"

namespace equibolt {
namespace {

constexpr const char* kFormate = "4\n\nC 0 0 0\nH -1.1 0 0\nO 0.567 1.114 0\nO 0.567 -1.114 0\n";

std::string torsion(const char* atoms, double phase) {
  return fmt::format(
      "<Force forceGroup=\"0\" name=\"PeriodicTorsionForce\" type=\"PeriodicTorsionForce\" "
      "usesPeriodic=\"0\" "
      "version=\"2\"><Torsions><Torsion k=\"43.9\" {} periodicity=\"2\" phase=\"{}\"/></Torsions></Force>",
      atoms, phase);
}

/// An improper torsion about C, with the oxygens in the order of the file, as OpenMM's Amber force fields
/// have it for the ends of chains.
std::string improper(double phase) {
  return torsion("p1=\"1\" p2=\"2\" p3=\"0\" p4=\"3\"", phase);
}

std::string system_xml(const std::string& forces, const std::string& masses = "12.01 1.008 16 16",
                       const std::string& site = "") {
  std::string particles;
  std::istringstream words(masses);
  for (std::string mass; words >> mass;) particles += "<Particle mass=\"" + mass + "\"/>";
  return "<?xml version=\"1.0\" ?>\n<System openmmVersion=\"8.6.1\" type=\"System\" version=\"1\">"
         "<PeriodicBoxVectors><A x=\"2\" y=\"0\" z=\"0\"/><B x=\"0\" y=\"2\" z=\"0\"/><C x=\"0\" y=\"0\" "
         "z=\"2\"/>"
         "</PeriodicBoxVectors><Particles>" +
         particles + site + "</Particles><Constraints/><Forces>" + forces + "</Forces></System>";
}

std::string bonds() {
  return "<Force forceGroup=\"0\" name=\"HarmonicBondForce\" type=\"HarmonicBondForce\" usesPeriodic=\"0\" "
         "version=\"2\"><Bonds><Bond d=\".11\" k=\"3e5\" p1=\"0\" p2=\"1\"/><Bond d=\".125\" k=\"5e5\" "
         "p1=\"0\" "
         "p2=\"2\"/><Bond d=\".125\" k=\"5e5\" p1=\"0\" p2=\"3\"/></Bonds></Force>";
}

class OpenMm : public testing::Test {
 protected:
  void SetUp() override {
    if (openmm_version().empty()) GTEST_SKIP() << "built without OpenMM";
    folder_ = std::filesystem::path(testing::TempDir()) / "openmm_energy";
    std::filesystem::create_directories(folder_);
    write_file(folder_ / "s.xyz", std::string_view(kFormate));
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  SystemSpec spec(const std::string& xml, const char* types = "symmetry") const {
    write_file(folder_ / "s.xml", std::string_view(xml));
    OpenMmParameters p;
    p.molecule.structure = (folder_ / "s.xyz").string();
    p.molecule.types = types;
    p.system = (folder_ / "s.xml").string();
    return {4, 3, p};
  }

  /// What a System is refused with, when it is made or checked.
  std::string refused(const std::string& xml, const char* types = "symmetry") const {
    try {
      const SystemSpec of = spec(xml, types);
      (void)check_system(of, *make_energy(of), 1);
    } catch (const Error& error) {
      return error.what();
    }
    return "(accepted)";
  }

  std::vector<std::string> warnings(const std::string& xml) const {
    const SystemSpec of = spec(xml);
    return check_system(of, *make_energy(of), 1);
  }

 private:
  std::filesystem::path folder_;
};

TEST_F(OpenMm, EquivalentAtomsShareAType) {
  EXPECT_EQ(make_energy(spec(system_xml(bonds())))->types(), (ParticleTypes{0, 1, 2, 2}));
  EXPECT_TRUE(warnings(system_xml(bonds())).empty());
}

TEST_F(OpenMm, AtomsThatAnImproperTellsApartGetTypesOfTheirOwnAndAreNamed) {
  const std::string xml = system_xml(bonds() + improper(3.141592653589793));
  EXPECT_EQ(make_energy(spec(xml))->types(), (ParticleTypes{0, 1, 2, 3}));
  const auto told = warnings(xml);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find("1:O (atom 2) from 1:O (atom 3)"), std::string::npos) << told[0];
  // Who asks for types by elements is told what is wrong with them, and with whom.
  const std::string message = refused(xml, "elements");
  EXPECT_NE(message.find("a permutation"), std::string::npos) << message;
  EXPECT_NE(message.find("exchanging 1:O (atom 2) and 1:O (atom 3) by"), std::string::npos) << message;
}

TEST_F(OpenMm, ARoundedPhaseIsNoChirality) {
  // As in AMBER's prmtop files; U differs by some 1e-6 kT under a reflection.
  EXPECT_EQ(refused(system_xml(bonds() + improper(3.141594))), "(accepted)");
}

TEST_F(OpenMm, ChiralTermsAreNamed) {
  const std::string message = refused(system_xml(bonds() + improper(1.0)));
  EXPECT_NE(message.find("under a reflection"), std::string::npos) << message;
  EXPECT_NE(message.find("CMAP"), std::string::npos) << message;
  EXPECT_NE(message.find("(of the System's forces, PeriodicTorsionForce by "), std::string::npos) << message;
  EXPECT_EQ(message.find("HarmonicBondForce"), std::string::npos) << message;
}

TEST_F(OpenMm, AChiralMoleculeIsEvaluatedInItsOwnHand) {
  // A torsion of alanine dipeptide with a phase that knows left from right, as a CMAP correction does.
  std::string xml = load_system_xml("alanine_dipeptide");
  const std::size_t at = xml.find("<Torsion ");
  ASSERT_NE(at, std::string::npos);
  xml.insert(at, "<Torsion k=\"8\" p1=\"4\" p2=\"6\" p3=\"8\" p4=\"14\" periodicity=\"1\" phase=\"1\"/>");
  SystemSpec of = spec(xml);
  of.particles = 22;
  std::get<OpenMmParameters>(of.kind).molecule.structure = "alanine_dipeptide";
  const auto energy = make_energy(of);
  const auto told = check_system(of, *energy, 1);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find("is mirrored before it is evaluated"), std::string::npos) << told[0];

  // The torsion counts in the structure's hand, and U and its gradient are those of the mirror image.
  const Molecule molecule = load_molecule("alanine_dipeptide");
  Configurations<double> x = shaken(molecule, 2), mirrored = x;
  for (double& value : mirrored.view().values()) value = -value;
  const auto gradients = [&](const Configurations<double>& at_x, std::vector<double>& u) {
    Configurations<double> gradient(at_x.count(), 22, 3);
    std::vector<EnergyStatus> status(at_x.count());
    u.resize(at_x.count());
    energy->evaluate(at_x, u, gradient, status);
    return gradient;
  };
  std::vector<double> u, u_mirrored;
  const auto g = gradients(x, u), g_mirrored = gradients(mirrored, u_mirrored);
  SystemSpec plain = spec(load_system_xml("alanine_dipeptide"));
  plain.particles = 22;
  std::get<OpenMmParameters>(plain.kind).molecule.structure = "alanine_dipeptide";
  const auto without = energies_of(*make_energy(plain), x.view()).energy;
  for (std::size_t b = 0; b < 2; ++b) {
    EXPECT_NEAR(u[b], u_mirrored[b], 1e-9);
    const double phi = dihedral(x[b], {4, 6, 8, 14});
    EXPECT_NEAR(u[b] - without[b], 8 * (1 + std::cos(phi - 1)) * units::kilojoule_per_mole_in_kt(300), 1e-6);
    for (std::size_t k = 0; k < 66; ++k) EXPECT_NEAR(g[b][k], -g_mirrored[b][k], 1e-7);
  }
}

TEST_F(OpenMm, ExternalFieldsAreNamed) {
  const std::string field =
      "<Force energy=\"100*x^2\" forceGroup=\"0\" name=\"CustomExternalForce\" type=\"CustomExternalForce\" "
      "version=\"1\"><PerParticleParameters/><GlobalParameters/><Particles><Particle "
      "index=\"0\"/></Particles></Force>";
  const std::string message = refused(system_xml(bonds() + field));
  EXPECT_NE(message.find("under a translation"), std::string::npos) << message;
  EXPECT_NE(message.find("CustomExternalForce by "), std::string::npos) << message;
  EXPECT_EQ(message.find("types"), std::string::npos) << message;
}

TEST_F(OpenMm, ASystemWithoutForcesIsToldOf) {
  const auto told = warnings(system_xml(""));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find("is 0 kT at all of 8 configurations: does the OpenMM System have forces?"),
            std::string::npos)
      << told[0];
}

TEST_F(OpenMm, RepartitionedMassesAreAccepted) {
  EXPECT_EQ(refused(system_xml(bonds(), "10.018 3.000 16 16")), "(accepted)");
  EXPECT_EQ(refused(system_xml(bonds(), "8.94 4.08 16 16")), "(accepted)");
  EXPECT_EQ(refused(system_xml(bonds(), "12.01 3 16 16")), "(accepted)");  // heavier, but not taken from C
  EXPECT_EQ(refused(system_xml(bonds(), "12.01 2.014 16 16")), "(accepted)");  // deuterium
}

TEST_F(OpenMm, OtherMassesAreExplained) {
  const std::string order = refused(system_xml(bonds(), "16 1.008 16 12.01"));
  EXPECT_NE(order.find("particle 0 has mass 16, but atom 0"), std::string::npos) << order;
  EXPECT_NE(order.find("is the order of atoms the same?"), std::string::npos) << order;
  EXPECT_NE(refused(system_xml(bonds(), "12.01 5 16 16")).find("hydrogens up to 4.5 u"), std::string::npos);
  EXPECT_NE(refused(system_xml(bonds(), "7.01 3 16 16")).find("particle 0 has mass 7.01"), std::string::npos);
  const std::string frozen = refused(system_xml(bonds(), "0 1.008 16 16"));
  EXPECT_NE(frozen.find("has mass 0, which OpenMM keeps in its place"), std::string::npos) << frozen;
  const std::string site = refused(system_xml(
      bonds(), "12.01 1.008 16",
      "<Particle mass=\"0\"><TwoParticleAverageSite p1=\"0\" p2=\"1\" w1=\".5\" w2=\".5\"/></Particle>"));
  EXPECT_NE(site.find("particle 3 is a virtual site"), std::string::npos) << site;
}

TEST_F(OpenMm, ForcesOfANewerVersionAreNamedWithBothVersions) {
  const std::string unknown = refused(system_xml(bonds() + "<Force type=\"LCPOForce\" version=\"1\"/>"));
  EXPECT_NE(unknown.find("written by OpenMM 8.6.1, this is OpenMM " + openmm_version()), std::string::npos)
      << unknown;
  EXPECT_NE(unknown.find("\n  LCPOForce: "), std::string::npos) << unknown;
  std::string newer = bonds();
  newer.replace(newer.find("version=\"2\""), 11, "version=\"99\"");
  const std::string message = refused(system_xml(improper(0) + newer));
  EXPECT_NE(message.find("\n  HarmonicBondForce: Unsupported version number"), std::string::npos) << message;
  EXPECT_EQ(message.find("PeriodicTorsionForce"), std::string::npos) << message;
}

TEST_F(OpenMm, OtherObjectsAreRefusedBeforeOpenMmReadsThem) {
  EXPECT_NE(
      refused("<State openmmVersion=\"8.1\" time=\"0\" type=\"State\" version=\"1\"/>").find("is a State"),
      std::string::npos);
  EXPECT_NE(refused(bonds()).find("is a single Force (HarmonicBondForce)"), std::string::npos);
}

TEST_F(OpenMm, TheEnergiesOfItsForcesAddUp) {
  OpenMmEnergy energy(22, 3, OpenMmParameters{});
  const Molecule molecule = load_molecule("alanine_dipeptide");
  const auto x = shaken(molecule, 1);
  double sum = 0;
  const auto forces = energy.force_energies(x[0]);
  for (const auto& force : forces) sum += force.energy;
  EXPECT_GE(forces.size(), 5U);
  EXPECT_NEAR(sum, energies_of(energy, x.view()).energy[0], 1e-8 * (1 + std::abs(sum)));
}

}  // namespace
}  // namespace equibolt
