#include <cstdlib>

#include "equibolt/error.h"
#include "io/npz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace equibolt;
  try {
    for (const auto& [name, array] : parse_npz({data, size}, "fuzz").arrays) {
      if (array.bytes.size() != array.size() * size_of(array.dtype)) std::abort();
    }
  } catch (const DataError&) {
  }
  return 0;
}
