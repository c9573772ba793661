#include "core/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace equibolt {

std::uint64_t content_hash(std::span<const std::byte> bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace equibolt
