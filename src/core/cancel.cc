#include "core/cancel.h"

#include <chrono>
#include <csignal>
#include <optional>

namespace equibolt {
namespace {

volatile std::sig_atomic_t requested = 0;

using Clock = std::chrono::steady_clock;
std::optional<Clock::time_point> deadline;

extern "C" void request_stop(int) {
  requested = 1;
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action = {};
  action.sa_handler = request_stop;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void stop_after(double seconds) {
  deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

bool stop_requested() {
  return requested != 0 || (deadline && Clock::now() >= *deadline);
}

}  // namespace equibolt
