#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace equibolt {

/// How often progress is reported: not before `first` seconds, then `every` so many.
struct ProgressPace {
  double first = 0;
  double every = 0;
};

/// How far a long task is and how long it will still take. On a terminal this is one line that is drawn again
/// and again; a log that is no terminal gets a line after ten seconds and then every minute; a JSON log gets
/// one every two seconds.
class Progress {
 public:
  Progress(std::string label, double total);
  /// Reports at this pace.
  Progress(std::string label, double total, ProgressPace pace);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of `total` is done; `note` is shown behind it. Cheap enough to be called at every step.
  void update(double done, std::string_view note = {});

 private:
  using Clock = std::chrono::steady_clock;
  std::string label_;
  double total_;
  double first_ = -1;  ///< fraction that was done at the first update: earlier runs may have done some
  bool shown_ = false;
  bool terminal_;
  ProgressPace pace_;
  Clock::time_point start_ = Clock::now();
  double next_;  ///< seconds after `start_`
};

/// "1 h 03 min", "4 min 10 s", "12 s".
std::string duration_text(double seconds);

/// A rate as people read it: "22581", "4.5".
std::string rate_text(double per_second);

}  // namespace equibolt
