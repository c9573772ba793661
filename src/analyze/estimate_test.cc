#include "analyze/estimate.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace equibolt {
namespace {

TEST(Estimates, SmallExamplesByHand) {
  const std::vector<double> values = {1, 2, 3, 6};
  EXPECT_NEAR(average(values), 3, 1e-15);
  EXPECT_NEAR(standard_deviation(values), std::sqrt(14.0 / 3), 1e-15);
  EXPECT_NEAR(mean(values).value, 3, 1e-15);
  EXPECT_NEAR(mean(values).error, std::sqrt(14.0 / 12), 1e-15);
  EXPECT_EQ(mean(std::vector<double>{5}).value, 5);
  EXPECT_EQ(mean(std::vector<double>{5}).error, std::numeric_limits<double>::infinity());
  EXPECT_THROW((void)mean({}), DataError);
  EXPECT_THROW((void)average({}), DataError);
  EXPECT_THROW((void)standard_deviation(std::vector<double>{5}), DataError);
}

TEST(Estimates, QuantilesInterpolate) {
  const std::vector<double> values = {1, 2, 4, 8};
  EXPECT_EQ(quantile(values, 0), 1);
  EXPECT_EQ(quantile(values, 1), 8);
  EXPECT_NEAR(quantile(values, 0.5), 3, 1e-15);
  EXPECT_NEAR(quantile(values, 0.9), 8 - 0.3 * 4, 1e-14);
  EXPECT_EQ(quantile(std::vector<double>{7}, 0.3), 7);
  EXPECT_THROW((void)quantile({}, 0.5), DataError);
  EXPECT_THROW((void)quantile(values, 1.1), DataError);
  EXPECT_THROW((void)quantile(values, std::nan("")), DataError);
}

}  // namespace
}  // namespace equibolt
