#include "core/log.h"

#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

namespace equibolt {
namespace {

std::atomic<LogFormat> format_of_process{LogFormat::text};

}  // namespace

void set_log_format(LogFormat format) {
  format_of_process = format;
}

LogFormat log_format() {
  return format_of_process;
}

void log_text(std::string_view event, std::string_view text) {
  if (log_format() == LogFormat::json) {
    log_fields(event, {{"text", text}});
  } else {
    const std::string_view prefix = event == "error" ? "equibolt: " : event == "warning" ? "warning: " : "";
    log_raw(fmt::format("{}{}\n", prefix, text));
  }
}

void log_raw(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void log_fields(std::string_view event, const nlohmann::ordered_json& fields) {
  nlohmann::ordered_json line{{"event", event}};
  line.update(fields);
  // Text that is not UTF-8, in a file's name say, must not keep the line from being said.
  const auto invalid = nlohmann::ordered_json::error_handler_t::replace;
  log_raw(line.dump(-1, ' ', false, invalid) + "\n");
}

}  // namespace equibolt
