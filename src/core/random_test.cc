#include "core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace equibolt {
namespace {

TEST(Random, DependsOnItsKeyAlone) {
  Random a(7, Stream::test, 3, 4);
  Random b(7, Stream::test, 3, 4);
  for (int k = 0; k < 20; ++k) EXPECT_EQ(a.bits(), b.bits());
  const std::uint64_t first = Random(7, Stream::test, 3, 4).bits();
  EXPECT_NE(first, Random(8, Stream::test, 3, 4).bits());
  EXPECT_NE(first, Random(7, Stream::prior, 3, 4).bits());
  EXPECT_NE(first, Random(7, Stream::test, 4, 4).bits());
  EXPECT_NE(first, Random(7, Stream::test, 3, 5).bits());
}

TEST(Random, NormalHasTheMomentsOfAGaussian) {
  Random random(1, Stream::test);
  const int n = 200000;
  double m1 = 0, m2 = 0, m4 = 0;
  for (int k = 0; k < n; ++k) {
    const double z = random.normal();
    m1 += z / n;
    m2 += z * z / n;
    m4 += z * z * z * z / n;
  }
  EXPECT_NEAR(m1, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(m2, 1, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(m4, 3, 5 * std::sqrt(96.0 / n));
}

TEST(Random, BelowIsUniformAndShuffleAPermutation) {
  Random random(2, Stream::test);
  std::vector<int> counts(7);
  for (int k = 0; k < 70000; ++k) ++counts[random.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 5 * std::sqrt(10000.0));
  std::vector<int> order(50);
  std::iota(order.begin(), order.end(), 0);
  random.shuffle(std::span(order));
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (int k = 0; k < 50; ++k) EXPECT_EQ(order[k], k);
}

}  // namespace
}  // namespace equibolt
