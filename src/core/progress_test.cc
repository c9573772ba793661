#include "core/progress.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "core/log.h"
#include "core/stopwatch.h"

namespace equibolt {
namespace {

TEST(Progress, SpeaksOfTimeAsPeopleDo) {
  EXPECT_EQ(duration_text(12.2), "12 s");
  EXPECT_EQ(duration_text(250), "4 min 10 s");
  EXPECT_EQ(duration_text(3780), "1 h 03 min");
}

TEST(Progress, WritesALineOfJsonAtMostEveryTwoSecondsWhereTheLogIsJson) {
  set_log_format(LogFormat::json);
  testing::internal::CaptureStderr();
  const Stopwatch watch;
  Progress progress("sampling", 8);
  for (int k = 0; k < 1000; ++k) progress.update(2, "half of a half");
  const double seconds = watch.seconds();
  set_log_format(LogFormat::text);
  std::istringstream lines(testing::internal::GetCapturedStderr());
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_EQ(
        nlohmann::json::parse(line),
        nlohmann::json(
            {{"event", "progress"}, {"task", "sampling"}, {"fraction", 0.25}, {"note", "half of a half"}}));
  }
  EXPECT_GE(count, 1);
  EXPECT_LE(count, 1 + seconds / 2);
}

TEST(Progress, IsSilentWhereStandardErrorIsNoTerminal) {
  testing::internal::CaptureStderr();  // into a file
  Progress progress("sampling", 8);
  progress.update(2);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace equibolt
