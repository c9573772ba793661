#include "core/log.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace equibolt {
namespace {

std::string written(LogFormat format, const std::function<void()>& body) {
  set_log_format(format);
  testing::internal::CaptureStderr();
  body();
  set_log_format(LogFormat::text);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, TextHasAPrefixForWhatIsNoMessage) {
  EXPECT_EQ(written(LogFormat::text,
                    [] {
                      log_text("message", "done");
                      log_text("warning", "slow");
                      log_text("error", "gone");
                      log_raw("as it is");
                    }),
            "done\nwarning: slow\nequibolt: gone\nas it is");
}

TEST(Log, JsonIsOneObjectPerLineWithTheEventFirst) {
  EXPECT_EQ(written(LogFormat::json,
                    [] {
                      log_text("warning", "a \"quoted\"\nline");
                      log_fields("progress", {{"fraction", 0.5}});
                    }),
            "{\"event\":\"warning\",\"text\":\"a \\\"quoted\\\"\\nline\"}\n"
            "{\"event\":\"progress\",\"fraction\":0.5}\n");
}

TEST(Log, TextThatIsNotUtf8IsStillWritten) {
  const std::string line = written(LogFormat::json, [] { log_text("error", "file \xff.npz"); });
  EXPECT_EQ(nlohmann::json::parse(line)["text"], "file \xEF\xBF\xBD.npz");
}

}  // namespace
}  // namespace equibolt
