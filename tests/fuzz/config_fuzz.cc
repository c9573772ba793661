#include <cstdlib>
#include <optional>
#include <string>

#include "config/config.h"
#include "equibolt/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace equibolt;
  std::optional<RunConfig> config;
  try {
    config = parse_config(std::string(data, data + size), "fuzz");
  } catch (const UsageError&) {
    return 0;
  }
  // What was accepted is written and read again as the same; an exception here is a failure.
  const std::string text = config_text(*config, true);
  if (config_text(parse_config(text, "again"), true) != text) std::abort();
  return 0;
}
