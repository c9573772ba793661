#include <cstdlib>
#include <string>

#include "config/config.h"
#include "equibolt/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace equibolt;
  try {
    const RunConfig config = parse_config(std::string(data, data + size), "fuzz");
    // What is read is written and read again as the same.
    const std::string text = config_text(config, true);
    if (config_text(parse_config(text, "again"), true) != text) std::abort();
  } catch (const UsageError&) {
  }
  return 0;
}
