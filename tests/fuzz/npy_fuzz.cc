#include <cstdlib>
#include <optional>

#include "equibolt/error.h"
#include "io/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace equibolt;
  std::optional<Array> array;
  try {
    array = parse_npy({data, size}, "fuzz");
  } catch (const DataError&) {
    return 0;
  }
  // What was accepted is written and read again as the same; an exception here is a failure.
  const Array again = parse_npy(npy_bytes(*array), "again");
  if (again.bytes != array->bytes || again.shape != array->shape || again.dtype != array->dtype) std::abort();
  return 0;
}
