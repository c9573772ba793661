#include "train/checkpoint.h"

#include <gtest/gtest.h>

#include <fstream>

#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/npz.h"

namespace equibolt {
namespace {

class CheckpointFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static Checkpoint sample(std::size_t step) {
    Checkpoint checkpoint;
    checkpoint.state = start_training({1, -2, 3});
    checkpoint.state.step = step;
    checkpoint.state.adam.steps = step - 1;
    checkpoint.state.adam.second = {4, 5, 6};
    checkpoint.state.average = {1.0 / 3, 0, 0.25};  // the first is no float32
    checkpoint.state.skipped = 1;
    checkpoint.state.seconds = 12.5;
    checkpoint.state.window = {3, 1.5, 2.5, 3.5, 10};
    checkpoint.fingerprint = 0xfedcba9876543210U;
    checkpoint.metrics_bytes = 77;
    checkpoint.backend = "cpu SSE4 fp32";
    return checkpoint;
  }

  std::optional<Checkpoint> read() {
    return read_newest_checkpoint(folder_, [this](const std::string& text) { warnings_.push_back(text); });
  }

  std::filesystem::path folder_;
  std::vector<std::string> warnings_;
};

TEST_F(CheckpointFolder, GivesBackWhatWasWrittenAndKeepsTwoGenerations) {
  EXPECT_FALSE(read());
  for (const std::size_t step : {5, 10, 200}) write_checkpoint(folder_, sample(step));
  const auto found = read();
  ASSERT_TRUE(found);
  EXPECT_TRUE(warnings_.empty());
  const TrainState expected = sample(200).state;
  EXPECT_EQ(found->state.step, 200U);
  EXPECT_EQ(found->state.parameters, expected.parameters);
  EXPECT_EQ(found->state.average, expected.average);
  EXPECT_EQ(found->state.adam.first, expected.adam.first);
  EXPECT_EQ(found->state.adam.second, expected.adam.second);
  EXPECT_EQ(found->state.adam.steps, 199U);
  EXPECT_EQ(found->state.skipped, 1U);
  EXPECT_EQ(found->state.seconds, 12.5);
  EXPECT_EQ(found->state.window.steps, 3U);
  EXPECT_EQ(found->state.window.transport_cost, 3.5);
  EXPECT_EQ(found->state.window.start_seconds, 10);
  EXPECT_EQ(found->fingerprint, 0xfedcba9876543210U);
  EXPECT_EQ(found->metrics_bytes, 77U);
  EXPECT_EQ(found->backend, "cpu SSE4 fp32");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 2);
}

TEST_F(CheckpointFolder, ReadsEarlierFormatsWhoseAverageIsInFloat32) {
  write_checkpoint(folder_, sample(5));
  const auto path = folder_ / "step-000000000005.npz";
  Npz npz = read_npz(path);
  const auto expect_average_of = [&](std::int64_t version, std::size_t left_out) {
    npz.arrays["format_version"] = Array::scalar(version);
    write_npz(path, npz);
    const auto found = read();
    ASSERT_TRUE(found) << version;
    EXPECT_EQ(found->state.average, (std::vector<double>{1.0F / 3.0F, 0, 0.25}));
    EXPECT_EQ(found->state.left_out, left_out);
  };
  npz.arrays["average"] = Array::of(std::vector<float>{1.0F / 3.0F, 0, 0.25F});
  npz.arrays["counters"] = Array::of(std::vector<std::int64_t>{5, 4, 1, 3, 9});
  expect_average_of(3, 9);
  npz.arrays["counters"] = Array::of(std::vector<std::int64_t>{5, 4, 1, 3});
  expect_average_of(2, 0);
  for (const std::int64_t version : {1, 5}) {
    npz.arrays["format_version"] = Array::scalar(version);
    write_npz(path, npz);
    EXPECT_THROW(read(), DataError) << version;
  }
}

TEST_F(CheckpointFolder, EveryTruncationOfTheNewestFallsBackToTheOneBeforeSlow) {
  write_checkpoint(folder_, sample(5));
  write_checkpoint(folder_, sample(10));
  const auto newest = folder_ / "step-000000000010.npz";
  const Bytes whole = read_file(newest);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::ofstream(newest, std::ios::binary | std::ios::trunc)
        .write(reinterpret_cast<const char*>(whole.data()), static_cast<std::streamsize>(size));
    warnings_.clear();
    const auto found = read();
    ASSERT_TRUE(found);
    ASSERT_EQ(found->state.step, 5U) << size << " of " << whole.size() << " bytes";
    ASSERT_EQ(warnings_.size(), 1U);
  }
}

TEST_F(CheckpointFolder, AFlippedByteInTheDataIsFound) {
  write_checkpoint(folder_, sample(5));
  const auto path = folder_ / "step-000000000005.npz";
  Bytes bytes = read_file(path);
  const float weight = -2;
  const auto* pattern = reinterpret_cast<const std::uint8_t*>(&weight);
  const auto at = std::search(bytes.begin(), bytes.end(), pattern, pattern + sizeof weight);
  ASSERT_NE(at, bytes.end());
  *at ^= 1;
  write_file(path, bytes);
  EXPECT_THROW(read(), DataError);
  ASSERT_EQ(warnings_.size(), 1U);
}

}  // namespace
}  // namespace equibolt
