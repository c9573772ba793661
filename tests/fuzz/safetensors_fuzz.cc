#include <cstdlib>
#include <optional>

#include "equibolt/error.h"
#include "io/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace equibolt;
  std::optional<Safetensors> file;
  try {
    file = parse_safetensors({data, size}, "fuzz");
  } catch (const DataError&) {
    return 0;
  }
  // What was accepted is written and read again as the same; an exception here is a failure.
  const Safetensors again = parse_safetensors(safetensors_bytes(*file), "again");
  if (again.metadata != file->metadata || again.tensors.size() != file->tensors.size()) std::abort();
  for (const auto& [name, array] : file->tensors) {
    const Array& same = again.tensors.at(name);
    if (same.bytes != array.bytes || same.shape != array.shape || same.dtype != array.dtype) std::abort();
  }
  return 0;
}
