#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>

#include "core/log.h"
#include "core/progress.h"

namespace equibolt {

/// Tells the user what a run does: lines on standard error and a progress line where that is a
/// terminal, or JSON lines (core/log.h).
class Reporter {
 public:
  explicit Reporter(bool quiet = false) : quiet_(quiet) {}

  template <typename... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) {
    progress_.reset();
    if (!quiet_) log_text("message", fmt::format(format, std::forward<Args>(args)...));
  }
  /// Warnings are said also when quiet.
  void warn(const std::string& text) {
    progress_.reset();
    log_text("warning", text);
  }
  void start_progress(const std::string& label) {
    progress_ = quiet_ ? nullptr : std::make_unique<Progress>(label, 1.0);
  }
  void progress(double fraction, const std::string& note = {}) {
    if (progress_) progress_->update(fraction, note);
  }
  void end_progress() { progress_.reset(); }

 private:
  bool quiet_;
  std::unique_ptr<Progress> progress_;
};

}  // namespace equibolt
