#include "core/saver.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <limits>
#include <utility>

namespace equibolt {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

class SaverTest : public testing::Test {
 protected:
  Saver saver(double seconds) {
    return {[this] { return stop_; }, seconds, [this] { ++saved_; },
            [this] { return std::exchange(requested_, false); }};
  }

  bool stop_ = false, requested_ = false;
  int saved_ = 0;
};

TEST_F(SaverTest, SavesWhereItIsAskedTo) {
  Saver never = saver(kNever);
  EXPECT_FALSE(never.save_if_due(false));
  EXPECT_EQ(saved_, 0);
  EXPECT_FALSE(never.save_if_due(true));
  EXPECT_EQ(saved_, 1);
  requested_ = true;
  EXPECT_FALSE(never.save_if_due(false)) << "a request stops nothing";
  EXPECT_EQ(saved_, 2);
  never.save_if_due(false);
  EXPECT_EQ(saved_, 2) << "a request is answered once";
  requested_ = true;
  never.save_if_due(true);
  never.save_if_due(false);
  EXPECT_EQ(saved_, 3) << "a request is answered by a state that is due anyway";
}

TEST_F(SaverTest, SavesBeforeItStops) {
  Saver never = saver(kNever);
  stop_ = true;
  EXPECT_TRUE(never.save_if_due(false));
  EXPECT_EQ(saved_, 1);
}

TEST_F(SaverTest, SavesAtIntervals) {
  Saver always = saver(-1);
  for (int k = 1; k <= 3; ++k) {
    always.save_if_due(false);
    EXPECT_EQ(saved_, k);
  }
}

TEST(SaverDeathTest, ASignalAsksForAState) {
  const auto signalled = [] {
    catch_stop_signals();
    int saved = 0;
    Saver saver({}, kNever, [&] { ++saved; });
    saver.save_if_due(false);
    std::raise(SIGUSR1);
    const bool stops = saver.save_if_due(false);
    saver.save_if_due(false);
    std::exit(saved == 1 && !stops ? 0 : 1);
  };
  EXPECT_EXIT(signalled(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace equibolt
