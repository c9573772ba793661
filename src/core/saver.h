#pragma once

#include <functional>

#include "core/cancel.h"
#include "core/stopwatch.h"

namespace equibolt {

/// When long work saves its state: at intervals, when SIGUSR1 asks for it, and before it stops. The work asks
/// after each of its steps:
///
///     Saver saver(stop, 120, [&] { write_state(…); });
///     while (!finished()) {
///       advance();
///       if (saver.save_if_due(finished()) && !finished()) throw Stopped("…");
///     }
class Saver {
 public:
  /// `seconds` between two states; `stop` may be empty, `requested` says whether a state is asked for now.
  Saver(std::function<bool()> stop, double seconds, std::function<void()> save,
        std::function<bool()> requested = checkpoint_requested);

  /// Saves where it is due, or `anyway`. Returns whether the work is to stop; its state is then saved.
  bool save_if_due(bool anyway);

 private:
  std::function<bool()> stop_;
  double seconds_;
  std::function<void()> save_;
  std::function<bool()> requested_;
  Stopwatch since_;
};

}  // namespace equibolt
