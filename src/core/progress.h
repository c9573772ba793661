#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace equibolt {

/// One line on the terminal that says how far a long task is and how long it will still take. Silent when
/// standard error is not a terminal, unless the log is JSON: then a line every two seconds.
class Progress {
 public:
  Progress(std::string label, double total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of `total` is done; `note` is shown behind it. Cheap: draws a few times a second at most.
  void update(double done, std::string_view note = {});

 private:
  using Clock = std::chrono::steady_clock;
  std::string label_;
  double total_;
  double first_ = -1;  ///< fraction that was done at the first update: earlier runs may have done some
  bool shown_ = false;
  bool terminal_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_ = {};
};

/// "1 h 03 min", "4 min 10 s", "12 s".
std::string duration_text(double seconds);

/// A rate as people read it: "22581", "4.5".
std::string rate_text(double per_second);

}  // namespace equibolt
