#include "core/number_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace equibolt {
namespace {

TEST(Numbers, AreShownToTheirError) {
  EXPECT_EQ(with_error(11937.1, 0.0472), "11937.100 ± 0.047");
  EXPECT_EQ(with_error(0.951234, 0.0053), "0.9512 ± 0.0053");
  EXPECT_EQ(with_error(-1234567.8, 2300), "-1234568 ± 2300");
  EXPECT_EQ(with_error(2.5, 0), "2.5 ± 0");
  EXPECT_EQ(with_error(2.123456, INFINITY), "2.1235 (no error bar)");
  EXPECT_EQ(with_error(2.123456, NAN), "2.1235 (no error bar)");
  EXPECT_EQ(with_error(0, 3e-20), "0 ± 3e-20");
  EXPECT_EQ(to_error(24.153392, 0.0007), "24.15339");
}

TEST(Numbers, ARangeHasTheDigitsOfItsWidth) {
  EXPECT_EQ(range_text(-11992.41, -11966.07), "-11992.4 to -11966.1");
  EXPECT_EQ(range_text(-25.3, 1200.4), "-25 to 1200");
  EXPECT_EQ(range_text(2, 2), "2 to 2");
  EXPECT_EQ(range_text(-INFINITY, 3), "-inf to 3");
  EXPECT_EQ(range_text(0.0001, 0.0002), "0.000100 to 0.000200");
  EXPECT_EQ(range_text(1, 4e30), "1 to 4e+30");
}

}  // namespace
}  // namespace equibolt
