#include <cstdlib>
#include <optional>

#include "equibolt/error.h"
#include "io/npz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace equibolt;
  std::optional<Npz> npz;
  try {
    npz = parse_npz({data, size}, "fuzz");
  } catch (const DataError&) {
    return 0;
  }
  // What was accepted is written and read again as the same; an exception here is a failure.
  for (const auto compression : {Compression::none, Compression::deflate}) {
    const Npz again = parse_npz(npz_bytes(*npz, compression), "again");
    if (again.arrays.size() != npz->arrays.size()) std::abort();
    for (const auto& [name, array] : npz->arrays) {
      if (array.bytes.size() != array.size() * size_of(array.dtype)) std::abort();
      const Array& same = again.arrays.at(name);
      if (same.bytes != array.bytes || same.shape != array.shape || same.dtype != array.dtype) std::abort();
    }
  }
  return 0;
}
