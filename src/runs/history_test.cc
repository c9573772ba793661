#include "runs/history.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "equibolt/error.h"

namespace equibolt {
namespace {

TEST(History, KnowsTheGpuOfEachCall) {
  std::string name = (std::filesystem::temp_directory_path() / "equibolt-XXXXXX").string();
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  const RunFolder folder{name};
  note_call(folder, 2);
  std::ofstream(folder.history(), std::ios::app) << "{\"begun\": \"kil\n";  // a call that was killed
  note_call(folder, 1, "NVIDIA H200");
  const auto calls = read_history(folder);
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0].gpu, "");
  EXPECT_EQ(calls[0].threads, 2U);
  EXPECT_FALSE(calls[0].instruction_set.empty());
  EXPECT_EQ(calls[1].gpu, "NVIDIA H200");
  std::filesystem::remove_all(folder.path);
}

TEST(History, AddsUpTheTimesOfAStageUntilItBeginsAnew) {
  std::string name = (std::filesystem::temp_directory_path() / "equibolt-XXXXXX").string();
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  RunPlan plan;
  plan.folder = RunFolder{name};
  const auto wait = [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };
  note_call(plan.folder, 2);
  plan.stages = {{Stage::simulation, StageState::to_do, ""}, {Stage::training, StageState::to_do, ""}};
  EXPECT_THROW(StageClock(plan).time(Stage::simulation,
                                     [&] {
                                       wait();
                                       throw Stopped("stopped");
                                     }),
               Stopped);
  plan.stages[0].state = StageState::resume;
  StageClock(plan).time(Stage::simulation, wait);
  const double both = stage_seconds(plan.folder).at(Stage::simulation);
  EXPECT_GE(both, 0.04);
  EXPECT_FALSE(stage_seconds(plan.folder).contains(Stage::training));
  EXPECT_EQ(read_history(plan.folder).size(), 1U);

  StageClock(plan).time(Stage::training, wait);
  EXPECT_TRUE(stage_seconds(plan.folder).contains(Stage::training));

  // A call that fails, or is killed, leaves no time; what it has begun anew is forgotten all the same.
  plan.stages[0].state = StageState::again;
  EXPECT_THROW(StageClock(plan).time(Stage::simulation, [] { throw IoError("disk full"); }), IoError);
  plan.stages[0].state = StageState::resume;
  StageClock(plan).time(Stage::simulation, [] {});
  EXPECT_LT(stage_seconds(plan.folder).at(Stage::simulation), both);
  EXPECT_FALSE(stage_seconds(plan.folder).contains(Stage::training));
  std::ofstream(plan.folder.history(), std::ios::app)
      << "{\"stage\": 5}\n{\"stage\": \"training\", \"seconds\": null}\n";
  EXPECT_EQ(stage_seconds(plan.folder).size(), 1U);
  std::filesystem::remove_all(plan.folder.path);
}

TEST(History, ANetworkOnTheProcessorHasNoGpu) {
  RunConfig config = load_config("dw4");
  config.device = Device::cpu;
  EXPECT_EQ(gpu_of(config), "");
}

}  // namespace
}  // namespace equibolt
