#include "runs/held_out.h"

#include <gtest/gtest.h>

#include "core/geometry.h"
#include "core/random.h"

namespace equibolt {
namespace {

Configurations<double> normal_configurations(std::size_t count, std::uint64_t number) {
  Configurations<double> x(count, 13, 3);
  Random random(51, Stream::test, number);
  random.fill_normal(x.values());
  return x;
}

TEST(HeldOut, FindsTheConfigurationsThatWereTrainedOn) {
  const auto train = normal_configurations(3000, 1);
  auto test = normal_configurations(500, 2);
  EXPECT_EQ(count_shared(test, train), 0U);
  EXPECT_EQ(count_shared(train, train), 3000U);
  // As float32, centred, and elsewhere in space, as files have them.
  for (std::size_t k = 0; k < 3; ++k) {
    auto copy = train;
    remove_mean(copy.view());
    for (std::size_t c = 0; c < copy.coordinates(); ++c)
      test[7 * k][c] = static_cast<double>(static_cast<float>(copy[1000 * k][c])) + 2.5;
  }
  EXPECT_EQ(count_shared(test, train), 3U);
  // Neighbours in time are not the same.
  auto near = train;
  for (double& value : near.values()) value *= 1.001;
  EXPECT_EQ(count_shared(near, train), 0U);
  EXPECT_EQ(count_shared(Configurations<double>(2, 4, 2), train), 0U);
}

}  // namespace
}  // namespace equibolt
