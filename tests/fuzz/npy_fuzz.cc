#include <cstdlib>

#include "equibolt/error.h"
#include "io/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace equibolt;
  try {
    const Array array = parse_npy({data, size}, "fuzz");
    // What is read is written and read again as the same.
    const Array again = parse_npy(npy_bytes(array), "fuzz");
    if (again.bytes != array.bytes || again.shape != array.shape || again.dtype != array.dtype) std::abort();
  } catch (const DataError&) {
  }
  return 0;
}
