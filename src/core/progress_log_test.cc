#include <gtest/gtest.h>

#include <string>

#include "core/progress.h"

namespace equibolt {
namespace {

TEST(Progress, WritesLinesToALogThatIsNoTerminal) {
  testing::internal::CaptureStderr();
  {
    Progress progress("training", 1.0, {.first = 0, .every = 0});
    progress.update(0.25, "step 5");
    progress.update(0.5, "step 10");
    progress.update(0.75);
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(log.find('\r'), std::string::npos);
  EXPECT_NE(log.find("training: 25.0 %, starting; step 5\n"), std::string::npos) << log;
  EXPECT_NE(log.find("training: 50.0 %, 0 s left; step 10\n"), std::string::npos) << log;
  EXPECT_NE(log.find("training: 75.0 %, 0 s left\n"), std::string::npos) << log;
}

TEST(Progress, KeepsItsPace) {
  testing::internal::CaptureStderr();
  {
    Progress late("late", 1.0, {.first = 3600, .every = 0});
    Progress once("once", 1.0, {.first = 0, .every = 3600});
    for (const double done : {0.1, 0.2, 0.3}) {
      late.update(done);
      once.update(done);
    }
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "once: 10.0 %, starting\n");
}

}  // namespace
}  // namespace equibolt
