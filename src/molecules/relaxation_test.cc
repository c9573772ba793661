#include "molecules/relaxation.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "config/config_table.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/npz.h"
#include "molecules/about_system.h"
#include "system/openmm_energy.h"
#include "system/symmetry.h"

namespace equibolt {
namespace {

class Relaxation : public testing::Test {
 protected:
  void SetUp() override {
    if (openmm_version().empty()) GTEST_SKIP() << "built without OpenMM";
    folder_ = std::filesystem::path(testing::TempDir()) / "relaxation";
    std::filesystem::create_directories(folder_);
    xml_ = (folder_ / "ff.xml").string();
    write_file(xml_, load_system_xml("alanine_dipeptide"));
    config_.system.particles = 22;
    config_.system.dim = 3;
    use(xml_);
    config_.relax.steps = 2;
    config_.threads = 1;
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  void use(const std::string& system) { config_.system.kind.emplace<OpenMmParameters>().system = system; }

  /// Relaxes frames, and says how many there are then.
  std::size_t relax(const Configurations<double>& frames, std::size_t count) {
    Npz npz;
    npz.arrays["x"] = Array::of(ConfigurationsView<const double>(frames.view()));
    write_npz(folder_ / "frames.npz", npz);
    Reporter quiet(true);
    return relax_frames(
        config_, {folder_ / "frames.npz", folder_ / "relaxed.npz", count}, [] { return false; }, quiet);
  }

  std::filesystem::path folder_;
  std::string xml_;
  RunConfig config_;
};

TEST_F(Relaxation, OfTheMoleculesFramesGoesOn) {
  const auto frames = shaken(load_molecule("alanine_dipeptide"), 3);
  EXPECT_EQ(relax(frames, 2), 2U);
  EXPECT_EQ(relax(frames, 3), 3U);
}

TEST_F(Relaxation, OfOtherFramesIsRefused) {
  auto frames = shaken(load_molecule("alanine_dipeptide"), 3);
  for (double& value : frames.values()) value /= 10;
  try {
    relax(frames, 2);
    FAIL() << "accepted";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("frames.npz: configuration 0 is not one of the molecule"),
              std::string::npos)
        << error.what();
    EXPECT_NE(std::string(error.what()).find("in nm"), std::string::npos) << error.what();
  }
}

TEST_F(Relaxation, UnderAnEditedForceFieldIsAnotherRequest) {
  const auto frames = shaken(load_molecule("alanine_dipeptide"), 3);
  EXPECT_EQ(relax(frames, 1), 1U);
  // The same content elsewhere is the same energy.
  use("alanine_dipeptide");
  EXPECT_EQ(relax(frames, 2), 2U);
  std::string text = load_system_xml("alanine_dipeptide");
  text.replace(text.find("k=\"284512\""), 10, "k=\"284513\"");
  write_file(xml_, std::string_view(text));
  use(xml_);
  EXPECT_THROW(relax(frames, 3), UsageError);
}

TEST_F(Relaxation, ReadsItsFormatsVersion) {
  const auto frames = shaken(load_molecule("alanine_dipeptide"), 3);
  EXPECT_EQ(relax(frames, 1), 1U);
  Npz npz = read_npz(folder_ / "relaxed.npz");
  npz.arrays["format_version"] = Array::scalar(std::int64_t{99});
  write_npz(folder_ / "relaxed.npz", npz);
  EXPECT_THROW(relax(frames, 2), DataError);
}

}  // namespace
}  // namespace equibolt
