#pragma once

#include <cstdint>
#include <span>

namespace equibolt {

/// The hash XXH3 (64 bits) of the bytes, chained through `seed`. It distinguishes contents, but gives no
/// protection against those that were made to collide.
std::uint64_t content_hash(std::span<const std::byte> bytes, std::uint64_t seed = 0);

/// The hash of an array of numbers, as their bytes lie in memory.
template <typename T>
std::uint64_t content_hash(std::span<const T> values, std::uint64_t seed = 0) {
  return content_hash(std::as_bytes(values), seed);
}

}  // namespace equibolt
