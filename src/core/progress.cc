#include "core/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/log.h"

namespace equibolt {
namespace {

ProgressPace pace_of(bool terminal) {
  if (log_format() == LogFormat::json) return {0, 2};
  return terminal ? ProgressPace{0, 0.2} : ProgressPace{10, 60};
}

}  // namespace

std::string duration_text(double seconds) {
  const auto total = static_cast<long>(std::lround(std::clamp(seconds, 0.0, 3.6e7)));
  if (total >= 3600) return fmt::format("{} h {:02} min", total / 3600, total / 60 % 60);
  if (total >= 60) return fmt::format("{} min {:02} s", total / 60, total % 60);
  return fmt::format("{} s", total);
}

std::string rate_text(double per_second) {
  return fmt::format("{:.{}f}", per_second, per_second < 100 ? 1 : 0);
}

Progress::Progress(std::string label, double total)
    : Progress(std::move(label), total, pace_of(isatty(STDERR_FILENO) == 1)) {}

Progress::Progress(std::string label, double total, ProgressPace pace)
    : label_(std::move(label)),
      total_(total),
      terminal_(isatty(STDERR_FILENO) == 1),
      pace_(pace),
      next_(pace.first) {}

Progress::~Progress() {
  if (shown_) log_raw("\r\033[K");
}

void Progress::update(double done, std::string_view note) {
  const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  const double fraction = total_ > 0 ? std::clamp(done / total_, 0.0, 1.0) : 0.0;
  if (first_ < 0) first_ = fraction;
  if (elapsed < next_) return;
  next_ = elapsed + pace_.every;
  const double gained = fraction - first_;
  const double seconds_left = elapsed * (1 - fraction) / gained;
  if (log_format() == LogFormat::json) {
    nlohmann::ordered_json line{{"task", label_}, {"fraction", fraction}};
    if (gained > 0) line["seconds_left"] = seconds_left;
    if (!note.empty()) line["note"] = note;
    log_fields("progress", line);
    return;
  }
  const std::string left = gained > 0 ? duration_text(seconds_left) + " left" : std::string("starting");
  if (terminal_) {
    shown_ = true;
    log_raw(fmt::format("\r\033[K{} {:5.1f} %  {}  {}", label_, 100 * fraction, left, note));
  } else {
    log_raw(
        fmt::format("{}: {:.1f} %, {}{}{}\n", label_, 100 * fraction, left, note.empty() ? "" : "; ", note));
  }
}

}  // namespace equibolt
