#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace equibolt {

/// What the process returns to its caller; documented in docs/exit-codes.md.
enum class ExitCode : int {
  done = 0,
  usage = 2,      ///< a wrong flag, key, or value in the config
  data = 3,       ///< a file's content is not what it has to be
  io = 4,         ///< a file cannot be read or written
  numerical = 5,  ///< a computation has left the finite numbers
  stopped = 75,   ///< stopped on request, with a checkpoint to go on from
};

/// The root of all errors that equibolt throws on purpose. The message says what was expected, what was
/// found, and where: file, line, key, particle or step.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// Each takes a fmt format string and its arguments.
template <ExitCode Code>
class ErrorOf : public Error {
 public:
  template <typename... Args>
  explicit ErrorOf(fmt::format_string<Args...> format, Args&&... args)
      : Error(Code, fmt::format(format, std::forward<Args>(args)...)) {}
};

using UsageError = ErrorOf<ExitCode::usage>;
using DataError = ErrorOf<ExitCode::data>;
using IoError = ErrorOf<ExitCode::io>;
using NumericalError = ErrorOf<ExitCode::numerical>;
using Stopped = ErrorOf<ExitCode::stopped>;

}  // namespace equibolt
