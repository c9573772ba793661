#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace equibolt {

/// How the process tells on standard error what it does: for people, or as one JSON object per line.
enum class LogFormat { text, json };

// What cannot be said, since standard error is closed or full, is no reason to fail.

/// For the whole process; text until it is set.
void set_log_format(LogFormat format);
LogFormat log_format();

/// "message", "warning" or "error": the text with its prefix, or {"event": …, "text": …}.
void log_text(std::string_view event, std::string_view text);

/// Text as it is, for a terminal: without a newline at the end.
void log_raw(std::string_view text);

/// A JSON line {"event": …, the fields …}. Only for LogFormat::json.
void log_fields(std::string_view event, const nlohmann::ordered_json& fields);

}  // namespace equibolt
