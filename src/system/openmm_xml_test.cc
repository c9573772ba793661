#include "system/openmm_xml.h"

#include <gtest/gtest.h>

#include "equibolt/error.h"
#include "system/molecule_options.h"

namespace equibolt {
namespace {

std::string system_of(const std::string& forces,
                      const std::string& particles = "<Particle mass=\"1.008\"/>") {
  return "<?xml version=\"1.0\" ?>\n<System openmmVersion=\"8.6.1\" type=\"System\" version=\"1\">\n"
         "<PeriodicBoxVectors/>\n<Particles>\n" +
         particles + "\n</Particles>\n<Constraints/>\n<Forces>" + forces + "</Forces>\n</System>\n";
}

/// What the file is refused with.
std::string refused(const std::string& text) {
  try {
    (void)inspect_openmm_xml(text, "s.xml");
  } catch (const DataError& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST(OpenMmXml, SaysWhichForcesThereAreAndWhere) {
  const std::string bond = "<Force name=\"a>b\" type=\"HarmonicBondForce\"><Bonds/></Force>",
                    remover = "<Force energy=\"x>0\" type=\"CMMotionRemover\"/>";
  const std::string text = system_of(bond + "\n" + remover);
  const OpenMmXml xml = inspect_openmm_xml(text, "s.xml");
  EXPECT_EQ(xml.openmm_version, "8.6.1");
  EXPECT_EQ(xml.version, "1");
  ASSERT_EQ(xml.forces.size(), 2U);
  EXPECT_EQ(xml.forces[0].type, "HarmonicBondForce");
  EXPECT_EQ(text.substr(xml.forces[0].first, xml.forces[0].length), bond);
  EXPECT_EQ(xml.forces[1].type, "CMMotionRemover");
  EXPECT_EQ(text.substr(xml.forces[1].first, xml.forces[1].length), remover);
}

TEST(OpenMmXml, AcceptsTheBuiltInSystem) {
  const OpenMmXml xml = inspect_openmm_xml(load_system_xml("alanine_dipeptide"), "alanine_dipeptide");
  EXPECT_GE(xml.forces.size(), 4U);
}

TEST(OpenMmXml, SaysWhatIsNoSystemAndHowToMakeOne) {
  const std::pair<std::string, std::string> cases[] = {
      {"<State openmmVersion=\"8.1\" time=\"0\" type=\"State\" version=\"1\"/>", "is a State"},
      {"<Integrator type=\"VerletIntegrator\" version=\"1\"/>", "is an Integrator (VerletIntegrator)"},
      {"<Force type=\"HarmonicBondForce\"><Bonds/></Force>", "is a single Force (HarmonicBondForce)"},
      {"<Function type=\"Continuous1DFunction\"/>", "is a serialized Continuous1DFunction"},
      {"<ForceField>\n <AtomTypes/>\n</ForceField>", "is a force field's definition"},
      {"<html><body/></html>", "has the first element <html>"},
      {"<System/>", "has the first element <System>"},
      {"", "is empty"},
      {" \n\n", "is empty"},
      {"BZh91AY&SY", "is compressed by bzip2"},
      {std::string("\x1f\x8b\x08\x00", 4), "is compressed by gzip"},
      {"%VERSION  VERSION_STAMP = V0001.000", "is an AMBER prmtop"},
  };
  for (const auto& [text, what] : cases) {
    const std::string message = refused(text);
    EXPECT_NE(message.find("s.xml " + what), std::string::npos) << message;
    EXPECT_NE(message.find("XmlSerializer.serialize"), std::string::npos) << message;
  }
}

TEST(OpenMmXml, NamesTheLineOfWhatIsBroken) {
  EXPECT_NE(
      refused("<System type=\"System\">\n<Particles>\n</System>").find("s.xml:3: is not well-formed XML"),
      std::string::npos);
  const std::string incomplete =
      refused("<System type=\"System\"><PeriodicBoxVectors/><Particles/></System>");
  EXPECT_NE(incomplete.find("no element <Constraints>"), std::string::npos) << incomplete;
  const std::string comma = refused(system_of("", "<Particle mass=\"1,008\"/>"));
  EXPECT_NE(comma.find("s.xml:5: <Particle> has mass=\"1,008\""), std::string::npos) << comma;
  EXPECT_NE(refused(system_of("", "<Particle mass=\"-1,2e-05\"/>")).find("decimal point"), std::string::npos);
}

TEST(OpenMmXml, LeavesExpressionsWithCommasAlone) {
  const std::string force = "<Force energy=\"min(1,2)*max(0,x)\" name=\"1,\" type=\"CustomExternalForce\"/>";
  EXPECT_EQ(inspect_openmm_xml(system_of(force), "s.xml").forces.size(), 1U);
}

TEST(OpenMmXml, RefusesWhatOpenMmWouldTakeForSomethingElse) {
  for (const char* type : {"State", "System", "VerletIntegrator", "Continuous1DFunction", ""}) {
    const std::string message = refused(system_of(fmt::format("<Force type=\"{}\"/>", type)));
    EXPECT_NE(message.find("has no place in a System"), std::string::npos) << type << ": " << message;
  }
  const std::string nested =
      "<Force type=\"CustomCVForce\"><CollectiveVariables><Force "
      "type=\"State\"/></CollectiveVariables></Force>";
  EXPECT_NE(refused(system_of(nested)).find("has no place in a System"), std::string::npos);
}

TEST(OpenMmXml, BoundsTheDepth) {
  std::string deep;
  for (int k = 0; k < 200000; ++k) deep += "<a>";
  EXPECT_NE(refused("<System type=\"System\">" + deep).find("nest deeper than 64"), std::string::npos);
}

}  // namespace
}  // namespace equibolt
