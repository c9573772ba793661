#include <cstdlib>

#include "equibolt/error.h"
#include "io/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace equibolt;
  try {
    const Safetensors file = parse_safetensors({data, size}, "fuzz");
    const Safetensors again = parse_safetensors(safetensors_bytes(file), "fuzz");
    if (again.metadata != file.metadata || again.tensors.size() != file.tensors.size()) std::abort();
    for (const auto& [name, array] : file.tensors) {
      if (again.tensors.at(name).bytes != array.bytes) std::abort();
    }
  } catch (const DataError&) {
  }
  return 0;
}
