#include "core/cancel.h"

#include <csignal>

namespace equibolt {
namespace {

volatile std::sig_atomic_t requested = 0;

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

bool stop_requested() {
  return requested != 0;
}

}  // namespace equibolt
