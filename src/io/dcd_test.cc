#include "io/dcd.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace equibolt {
namespace {

TEST(Dcd, HoldsRecordsOfOneCoordinateEach) {
  Configurations<float> x(2, 4, 3);
  for (std::size_t k = 0; k < x.size(); ++k) x.data()[k] = 0.25F * static_cast<float>(k) - 3;
  const Bytes bytes = dcd_bytes(x.view());
  const auto integer = [&](std::size_t at) {
    std::int32_t value = 0;
    std::memcpy(&value, &bytes[at], 4);
    return value;
  };
  EXPECT_EQ(integer(0), 84);
  EXPECT_EQ(integer(8), 2);  // frames
  constexpr std::size_t frames = 92 + 92 + 12;
  ASSERT_EQ(bytes.size(), frames + 2 * 3 * (4 * 4 + 8));
  float y = 0;
  std::memcpy(&y, &bytes[frames + 24 + 4 + 2 * 4], 4);  // frame 0, y of atom 2
  EXPECT_EQ(y, x[0][2 * 3 + 1]);
}

}  // namespace
}  // namespace equibolt
