#include "core/machine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <string>

namespace equibolt {
namespace {

TEST(Machine, MemoryIsWhatLinuxReports) {
  std::ifstream file("/proc/meminfo");
  std::string name;
  double kibibytes = 0;
  file >> name >> kibibytes;
  ASSERT_EQ(name, "MemTotal:");
  EXPECT_LE(std::abs(gibibytes_of_memory() - kibibytes / 0x1p20), 0.01 * kibibytes / 0x1p20);
}

TEST(Machine, ProcessorHasANameOfOneLine) {
  EXPECT_FALSE(processor_name().empty());
  EXPECT_EQ(processor_name().find_first_of("\n:"), std::string::npos);
}

}  // namespace
}  // namespace equibolt
