#include "core/cancel.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

namespace equibolt {
namespace {

// Signals and the time to stop are of the whole process: each test has its own.

TEST(CancelDeathTest, TheFirstSignalAsksForAStop) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const auto first = [signal] {
      catch_stop_signals();
      if (stop_requested()) std::exit(1);
      std::raise(signal);
      std::exit(stop_requested() && !checkpoint_requested() ? 0 : 2);
    };
    EXPECT_EXIT(first(), testing::ExitedWithCode(0), "");
  }
}

TEST(CancelDeathTest, TheSecondOfEitherKindEndsTheProcess) {
  for (const int first : {SIGINT, SIGTERM}) {
    for (const int second : {SIGINT, SIGTERM}) {
      const auto both = [first, second] {
        catch_stop_signals();
        std::raise(first);
        std::raise(second);
        std::exit(0);
      };
      EXPECT_EXIT(both(), testing::KilledBySignal(second), "");
    }
  }
}

TEST(CancelDeathTest, ASystemCallGoesOnAfterASignal) {
  const auto interrupted = [] {
    catch_stop_signals();
    int ends[2];
    if (pipe(ends) != 0) std::exit(1);
    const pthread_t reader = pthread_self();
    std::thread other([reader, out = ends[1]] {
      const auto pause = std::chrono::milliseconds(20);
      for (const int signal : {SIGTERM, SIGUSR1}) {
        std::this_thread::sleep_for(pause);
        pthread_kill(reader, signal);
      }
      std::this_thread::sleep_for(pause);
      if (write(out, "x", 1) != 1) std::exit(3);
    });
    char byte = 0;
    const bool whole = read(ends[0], &byte, 1) == 1;
    other.join();
    std::exit(whole && stop_requested() && checkpoint_requested() ? 0 : 2);
  };
  EXPECT_EXIT(interrupted(), testing::ExitedWithCode(0), "");
}

TEST(CancelDeathTest, EachRequestOfACheckpointIsReportedOnceAndStopsNothing) {
  const auto twice = [] {
    catch_stop_signals();
    for (int k = 0; k < 2; ++k) {
      if (checkpoint_requested()) std::exit(1);
      std::raise(SIGUSR1);
      if (!checkpoint_requested()) std::exit(2);
    }
    std::exit(stop_requested() || checkpoint_requested() ? 3 : 0);
  };
  EXPECT_EXIT(twice(), testing::ExitedWithCode(0), "");
}

TEST(CancelDeathTest, StopsAfterATime) {
  const auto timed = [] {
    stop_after(1000);
    if (stop_requested()) std::exit(1);
    stop_after(0);
    std::exit(stop_requested() ? 0 : 2);
  };
  EXPECT_EXIT(timed(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace equibolt
