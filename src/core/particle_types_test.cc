#include "equibolt/particle_types.h"

#include <gtest/gtest.h>

namespace equibolt {
namespace {

TEST(ParticleTypes, GroupsHoldEachParticleOnce) {
  const auto groups = groups_of({2, 0, 2, 5, 0});
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0], (std::vector<std::size_t>{1, 4}));
  EXPECT_EQ(groups[1], (std::vector<std::size_t>{0, 2}));
  EXPECT_EQ(groups[2], (std::vector<std::size_t>{3}));
}

}  // namespace
}  // namespace equibolt
