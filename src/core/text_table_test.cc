#include "core/text_table.h"

#include <gtest/gtest.h>

namespace equibolt {
namespace {

TEST(TextTable, AlignsCharactersAndLeavesNoBlanksAtTheEnd) {
  EXPECT_EQ(text_table({{"a", "ΔF, kT", "c"}, {"long", "1", ""}, {"x"}}),
            "  a     ΔF, kT  c\n  long  1\n  x\n");
  EXPECT_EQ(text_table({{"k̂", "x"}, {"ab", "y"}}), "  k̂   x\n  ab  y\n");
}

TEST(TextTable, QuotesWhatSeparatesCells) {
  EXPECT_EQ(csv_table({{"a,b", "say \"x\""}, {"two\nlines", ""}}),
            "\"a,b\",\"say \"\"x\"\"\"\n\"two\nlines\",\n");
}

}  // namespace
}  // namespace equibolt
