#include "core/cancel.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <optional>

namespace equibolt {
namespace {

// Signal handlers may touch only atomics without locks; other threads read these, too.
std::atomic<bool> stop{false};
std::atomic<bool> checkpoint{false};
static_assert(std::atomic<bool>::is_always_lock_free);

using Clock = std::chrono::steady_clock;
std::optional<Clock::time_point> deadline;

extern "C" void request_stop(int) {
  stop = true;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

extern "C" void request_checkpoint(int) {
  checkpoint = true;
}

void catch_signal(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  // A second signal that comes while the first is handled waits until it is.
  sigaddset(&action.sa_mask, SIGINT);
  sigaddset(&action.sa_mask, SIGTERM);
  sigaction(signal, &action, nullptr);
}

}  // namespace

void catch_stop_signals() {
  catch_signal(SIGINT, request_stop);
  catch_signal(SIGTERM, request_stop);
  catch_signal(SIGUSR1, request_checkpoint);
}

void stop_after(double seconds) {
  deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

bool stop_requested() {
  return stop || (deadline && Clock::now() >= *deadline);
}

bool checkpoint_requested() {
  return checkpoint.exchange(false);
}

}  // namespace equibolt
