#include "runs/history.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

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

TEST(History, ANetworkOnTheProcessorHasNoGpu) {
  RunConfig config = load_config("dw4");
  config.device = Device::cpu;
  EXPECT_EQ(gpu_of(config), "");
}

}  // namespace
}  // namespace equibolt
