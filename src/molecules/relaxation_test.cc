#include "molecules/relaxation.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "config/config_table.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/npz.h"
#include "runs/output_lock.h"
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
    output_ = folder_ / "relaxed.npz";
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

  RelaxationTask task_of(const Configurations<double>& frames, std::size_t count) {
    Npz npz;
    npz.arrays["x"] = Array::of(ConfigurationsView<const double>(frames.view()));
    write_npz(folder_ / "frames.npz", npz);
    return {folder_ / "frames.npz", output_, count};
  }
  /// Relaxes frames, and says how many there are then.
  std::size_t relax(const Configurations<double>& frames, std::size_t count) {
    Reporter quiet(true);
    return relax_frames(
        config_, task_of(frames, count), [] { return false; }, quiet);
  }
  /// What a dry run prints.
  std::string plan(const Configurations<double>& frames, std::size_t count) {
    const std::string text = text_of(plan_relaxation(config_, task_of(frames, count)));
    return text.substr(text.find(": ") + 2);
  }
  /// The message with which both the dry run and the command refuse.
  std::string refusal(const Configurations<double>& frames, std::size_t count) {
    std::string said[2];
    for (const bool dry : {true, false}) {
      try {
        dry ? void(plan(frames, count)) : void(relax(frames, count));
        ADD_FAILURE() << "accepted";
      } catch (const UsageError& error) {
        said[dry] = error.what();
      }
    }
    EXPECT_EQ(said[0], said[1]);
    return said[0];
  }

  std::filesystem::path folder_, output_;
  std::string xml_;
  RunConfig config_;
};

TEST_F(Relaxation, OfTheMoleculesFramesGoesOn) {
  const auto frames = shaken(load_molecule("alanine_dipeptide"), 3);
  EXPECT_EQ(plan(frames, 2), "new, 2 trajectories to do");
  EXPECT_FALSE(std::filesystem::exists(output_)) << "a plan writes nothing";
  EXPECT_EQ(relax(frames, 2), 2U);
  EXPECT_EQ(plan(frames, 3), "resumes from 2 of 3 trajectories");
  EXPECT_EQ(relax(frames, 3), 3U);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "relaxed.npz.lock")) << "the lock goes with the call";
  EXPECT_EQ(plan(frames, 3), "done, 3 trajectories");
  const auto written = std::filesystem::last_write_time(output_);
  EXPECT_EQ(relax(frames, 3), 3U);
  EXPECT_EQ(std::filesystem::last_write_time(output_), written) << "what is done is not touched";
}

TEST_F(Relaxation, DrawsFramesOfABiasedSimulationWithTheirWeights) {
  const Configurations<double> frames = shaken(load_molecule("alanine_dipeptide"), 2);
  const RelaxationTask task = task_of(frames, 8);
  Npz npz = read_npz(task.frames);
  npz.arrays["bias"] = Array::of(std::vector<double>{-60, 0});
  npz.arrays["bias_is"] = Array::text("phi 20 1 5");
  write_npz(task.frames, npz);
  Reporter quiet(true);
  relax_frames(
      config_, task, [] { return false; }, quiet);
  EXPECT_EQ(read_npz(output_)["frame"].as_int64(), std::vector<std::int64_t>(8, 1));
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
  EXPECT_NE(refusal(frames, 3).find("content of system.system: "), std::string::npos);
}

TEST_F(Relaxation, ARefusalNamesEachKeyThatDiffers) {
  const auto frames = shaken(load_molecule("alanine_dipeptide"), 3);
  relax(frames, 1);
  config_.relax.steps = 3;
  config_.seed += 1;
  const std::string said = refusal(frames, 2);
  for (const char* part : {"relax.steps: 2 there, 3 now", "seed: ", "Give another output"})
    EXPECT_NE(said.find(part), std::string::npos) << said;
  EXPECT_EQ(said.find("relax.timestep_fs"), std::string::npos) << said;
  --config_.seed;
  config_.relax.steps = 2;
  EXPECT_NE(refusal(shaken(load_molecule("alanine_dipeptide"), 2), 2).find("frames: 3 there, 2 now"),
            std::string::npos);
}

TEST_F(Relaxation, AnOutputOfAnEarlierVersionGoesOn) {
  const auto frames = shaken(load_molecule("alanine_dipeptide"), 3);
  relax(frames, 1);
  // That version had the hashes of files under the keys that name them, and that of the frames apart.
  Npz npz = read_npz(output_);
  auto now = nlohmann::ordered_json::parse(npz["about"].as_text()), before = nlohmann::ordered_json::object();
  for (const auto& [name, value] : now.items()) {
    constexpr std::string_view content = "content of ";
    if (name == "content of frames") {
      before["frames_hash"] = value;
    } else if (name.starts_with(content)) {
      before[name.substr(content.size())] = value;
    } else {
      before[name] = value;
    }
  }
  ASSERT_NE(now, before);
  npz.arrays["about"] = Array::text(before.dump());
  write_npz(output_, npz);
  EXPECT_EQ(relax(frames, 2), 2U);
  EXPECT_EQ(nlohmann::ordered_json::parse(read_npz(output_)["about"].as_text()), now);
  before["frames_hash"] = "0123456789abcdef";
  npz.arrays["about"] = Array::text(before.dump());
  write_npz(output_, npz);
  EXPECT_NE(refusal(frames, 3).find("content of frames: 0123456789abcdef there"), std::string::npos);
}

TEST_F(Relaxation, IsLockedAndRemovesPartialFilesOfDeadWriters) {
  const auto frames = shaken(load_molecule("alanine_dipeptide"), 3);
  const auto partial = folder_ / "relaxed.npz.999999999-1.partial";
  write_file(partial, std::string_view("half"));
  {
    const OutputLock lock = OutputLock::of_file(output_);
    EXPECT_THROW(relax(frames, 1), UsageError);
    EXPECT_TRUE(std::filesystem::exists(partial)) << "it may be of who has the lock";
  }
  EXPECT_EQ(relax(frames, 1), 1U);
  EXPECT_FALSE(std::filesystem::exists(partial));
}

TEST_F(Relaxation, ReadsItsFormatsVersion) {
  const auto frames = shaken(load_molecule("alanine_dipeptide"), 3);
  EXPECT_EQ(relax(frames, 1), 1U);
  Npz npz = read_npz(folder_ / "relaxed.npz");
  npz.arrays["format_version"] = Array::scalar(std::int64_t{99});
  write_npz(folder_ / "relaxed.npz", npz);
  EXPECT_THROW(relax(frames, 2), DataError);
  EXPECT_THROW(plan(frames, 2), DataError);
}

}  // namespace
}  // namespace equibolt
