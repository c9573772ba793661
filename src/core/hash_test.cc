#include "core/hash.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace equibolt {
namespace {

TEST(ContentHash, IsXxh3) {
  // Of nothing, with the seed 0: the first value of the test vectors of xxHash 0.8.
  EXPECT_EQ(content_hash(std::span<const std::byte>()), 0x2D06800538D394C2U);
}

TEST(ContentHash, DependsOnEachByteAndOnTheSeed) {
  std::vector<float> values(300, 1.5F);
  const auto hash = [&](std::uint64_t seed) { return content_hash(std::span<const float>(values), seed); };
  const std::uint64_t before = hash(0);
  EXPECT_EQ(before, hash(0));
  EXPECT_NE(before, hash(1));
  for (const std::size_t k : {0, 7, 299}) {
    values[k] = -1.5F;
    EXPECT_NE(before, hash(0));
    values[k] = 1.5F;
  }
  EXPECT_EQ(before, content_hash(std::as_bytes(std::span<const float>(values))));
}

}  // namespace
}  // namespace equibolt
