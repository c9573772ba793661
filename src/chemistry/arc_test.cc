#include "chemistry/arc.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace equibolt {
namespace {

constexpr double pi = std::numbers::pi;

TEST(Arc, HoldsAnglesInAnyTurn) {
  const Arc arc{0, 2};
  for (const double turn : {-4 * pi, -2 * pi, 0.0, 2 * pi}) {
    EXPECT_TRUE(arc.contains(1 + turn));
    EXPECT_TRUE(arc.contains(1.999 + turn));
    EXPECT_FALSE(arc.contains(2.001 + turn));
    EXPECT_FALSE(arc.contains(-0.001 + turn));
    EXPECT_FALSE(arc.contains(3 + turn));
  }
  EXPECT_FALSE(arc.contains(0));
  EXPECT_FALSE(arc.contains(NAN));
}

TEST(Arc, MayLieAcrossPi) {
  for (const Arc arc : {Arc{2, 4}, Arc{2 - 2 * pi, 4 - 2 * pi}}) {
    for (const double inside : {2.5, pi, -pi, -2.5}) EXPECT_TRUE(arc.contains(inside)) << inside;
    for (const double outside : {1.9, 0.0, -2.2}) EXPECT_FALSE(arc.contains(outside)) << outside;
  }
}

TEST(Arc, AnArcAndTheRestMakeTheCircle) {
  const Arc arc{2.5, 5}, rest{5, 2.5 + 2 * pi};
  for (int k = 0; k < 1000; ++k) {
    const double angle = -pi + 2 * pi * (k + 0.5) / 1000;
    EXPECT_NE(arc.contains(angle), rest.contains(angle)) << angle;
  }
}

}  // namespace
}  // namespace equibolt
