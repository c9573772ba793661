#include "chemistry/elements.h"

#include <gtest/gtest.h>

namespace equibolt {
namespace {

TEST(Elements, AreKnownByTheirSymbols) {
  for (int number = 1; number <= last_element; ++number) {
    EXPECT_EQ(atomic_number(element_symbol(number)), number);
    EXPECT_GT(covalent_radius(number), 0.2);
    // Weights ascend but for the four known pairs.
    if (number > 1 && number != 19 && number != 28 && number != 53) {
      EXPECT_GE(atomic_mass(number), atomic_mass(number - 1)) << number;
    }
  }
  EXPECT_EQ(atomic_number("CL"), 17);
  EXPECT_EQ(atomic_number("Fr"), 0);
  EXPECT_EQ(atomic_number(""), 0);
}

TEST(Elements, DeuteriumAndTritiumAreHydrogen) {
  EXPECT_EQ(atomic_number("D"), 1);
  EXPECT_EQ(atomic_number("t"), 1);
  EXPECT_EQ(mass_number("D"), 2);
  EXPECT_EQ(mass_number("T"), 3);
  EXPECT_EQ(mass_number("H"), 0);
  EXPECT_NEAR(atomic_mass(1, mass_number("D")), 2.0141, 1e-4);
  EXPECT_NEAR(atomic_mass(1, mass_number("T")), 3.0160, 1e-4);
  EXPECT_EQ(atomic_mass(1, 0), 1.008);
}

}  // namespace
}  // namespace equibolt
