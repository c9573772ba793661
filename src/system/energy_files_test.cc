#include "system/energy_files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "equibolt/error.h"
#include "io/atomic_file.h"

namespace equibolt {
namespace {

namespace fs = std::filesystem;

class EnergyFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / "energy_files";
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string file(const char* name, std::string_view text) const {
    write_file(folder_ / name, text);
    return (folder_ / name).string();
  }

 private:
  fs::path folder_;
};

TEST_F(EnergyFiles, OfABuiltInMoleculeAreBuiltIn) {
  const auto files = files_of({22, 3, OpenMmParameters{}});
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].key, "system.structure");
  EXPECT_EQ(files[1].key, "system.system");
  for (const FileHash& f : files) {
    EXPECT_EQ(f.path, "alanine_dipeptide");
    EXPECT_TRUE(f.built_in);
    EXPECT_NE(f.hash, 0U);
  }
  EXPECT_NE(files[0].hash, files[1].hash);
  // The same content beside the program is the same physics.
  OpenMmParameters outside;
  outside.system = file("ff.xml", load_system_xml("alanine_dipeptide"));
  const auto same = files_of({22, 3, outside});
  EXPECT_FALSE(same[1].built_in);
  EXPECT_EQ(text_of(same), text_of(files));
}

TEST_F(EnergyFiles, FollowTheContentAndNotThePath) {
  OpenMmParameters p;
  p.system = file("ff.xml", "one");
  p.molecule.structure = file("s.pdb", "two");
  const auto before = files_of({22, 3, p});
  file("ff.xml", "other");
  const auto edited = files_of({22, 3, p});
  EXPECT_EQ(edited[0], before[0]);
  EXPECT_NE(edited[1].hash, before[1].hash);
  EXPECT_EQ(edited[1].path, before[1].path);
  EXPECT_NE(text_of(edited), text_of(before));
  p.system = file("elsewhere.xml", "one");
  EXPECT_EQ(text_of(files_of({22, 3, p})), text_of(before));
}

TEST_F(EnergyFiles, OfXtbHoldItsParameterFile) {
  XtbParameters p;
  EXPECT_EQ(files_of({22, 3, p}).size(), 1U);
  p.parameters = file("param.txt", "$end\n");
  const auto files = files_of({22, 3, p});
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[1].key, "system.parameters");
  EXPECT_EQ(files[1].hash, hash_of_file(p.parameters));
}

TEST_F(EnergyFiles, OfFormulasAreNone) {
  EXPECT_TRUE(files_of({4, 2, DoubleWellParameters{}}).empty());
  EXPECT_TRUE(files_of({13, 3, LennardJonesParameters{}}).empty());
  EXPECT_EQ(text_of({}), "");
}

TEST_F(EnergyFiles, OfAProgramsOwnEnergyAreItsCheck) {
  const auto stiff = files_of(own_system(std::make_shared<Harmonic>(4, 3, HarmonicParameters{2})));
  const auto soft = files_of(own_system(std::make_shared<Harmonic>(4, 3, HarmonicParameters{1})));
  ASSERT_EQ(stiff.size(), 1U);
  EXPECT_EQ(stiff[0].key, "system.check");
  EXPECT_NE(stiff[0].hash, soft[0].hash);
}

TEST_F(EnergyFiles, ThatAreMissingAreNamed) {
  OpenMmParameters p;
  p.system = "nowhere.xml";
  try {
    files_of({22, 3, p});
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("system.system: 'nowhere.xml'"), std::string::npos);
  }
}

}  // namespace
}  // namespace equibolt
