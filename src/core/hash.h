#pragma once

#include <cstdint>
#include <span>

namespace equibolt {

/// XXH3 of the bytes, chained through `seed`: tells contents apart that were not made to look alike.
std::uint64_t content_hash(std::span<const std::byte> bytes, std::uint64_t seed = 0);

/// Of numbers, as they lie in memory.
template <typename T>
std::uint64_t content_hash(std::span<const T> values, std::uint64_t seed = 0) {
  return content_hash(std::as_bytes(values), seed);
}

}  // namespace equibolt
