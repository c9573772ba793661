#include "io/configurations_file.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "equibolt/error.h"
#include "io/npz.h"
#include "io/test_files.h"

namespace equibolt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ConfigurationsFile : public TestFolder {
 protected:
  std::string refused(const std::vector<double>& values, std::vector<std::size_t> shape) {
    write_npy(file("x.npy"), Array::of(std::span<const double>(values), std::move(shape)));
    return message_of<DataError>([&] { read_configurations(file("x.npy"), 3, 2); });
  }
};

TEST_F(ConfigurationsFile, AreReadFlatOrFullFromNpyOrNpz) {
  const std::vector<float> values = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const std::span<const float> span(values);
  write_npy(file("flat.npy"), Array::of(span, {2, 6}));
  write_npy(file("full.npy"), Array::of(span, {2, 3, 2}));
  Npz npz;
  npz.arrays["x"] = Array::of(std::vector<double>(values.begin(), values.end()));
  npz.arrays["x"].shape = {2, 3, 2};
  write_npz(file("x.npz"), npz);
  for (const char* name : {"flat.npy", "full.npy", "x.npz"}) {
    const Configurations<double> x = read_configurations(file(name), 3, 2);
    EXPECT_EQ(x.count(), 2U);
    EXPECT_EQ(x.particles(), 3U);
    EXPECT_EQ(x.dim(), 2U);
    EXPECT_EQ(x[1][5], 11);
  }
  npz.arrays["positions"] = npz.arrays["x"];
  npz.arrays.erase("x");
  write_npz(file("x.npz"), npz);
  EXPECT_THAT(message_of<DataError>([&] { read_configurations(file("x.npz"), 3, 2); }),
              AllOf(HasSubstr("'x'"), HasSubstr("positions")));
}

TEST_F(ConfigurationsFile, WhatCannotBeConfigurationsIsRefused) {
  std::vector<double> values = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  EXPECT_THAT(refused(values, {3, 4}),
              AllOf(HasSubstr("x.npy"), HasSubstr("(B, 3, 2)"), HasSubstr("(3, 4)")));
  EXPECT_THAT(refused(values, {2, 2, 3}), HasSubstr("(2, 2, 3) found"));
  EXPECT_THAT(refused(values, {12}), HasSubstr("(12,) found"));
  EXPECT_THAT(refused({}, {0, 6}), HasSubstr("no configurations"));
  EXPECT_THAT(refused(std::vector<double>(12, 1.5), {2, 6}), HasSubstr("the same numbers"));
  EXPECT_THAT(refused({0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5}, {2, 6}), HasSubstr("the same numbers"));
  values[9] = std::nan("");
  EXPECT_THAT(refused(values, {2, 6}), HasSubstr("configuration 1, particle 1"));
  values[9] = -std::numeric_limits<double>::infinity();
  EXPECT_THAT(refused(values, {2, 6}), HasSubstr("not finite"));
  write_npy(file("x.npy"), Array{DType::i8, {2, 6}, Bytes(96), ""});
  EXPECT_THAT(message_of<DataError>([&] { read_configurations(file("x.npy"), 3, 2); }),
              HasSubstr("int64 found"));
}

TEST_F(ConfigurationsFile, DoubtfulDataIsWarnedOf) {
  std::vector<std::string> warnings;
  const auto read = [&](const std::vector<float>& values) {
    warnings.clear();
    write_npy(file("x.npy"), Array::of(std::span<const float>(values), {values.size() / 6, 6}));
    return read_configurations(file("x.npy"), 3, 2,
                               [&](const std::string& text) { warnings.push_back(text); });
  };
  const std::vector<float> near = {0, 0, 1, 0, 0, 1.5, 0.1F, 0, 1.2F, 0, 0, 1.4F};
  (void)read(near);
  EXPECT_THAT(warnings, ::testing::IsEmpty());
  (void)read({near.begin(), near.begin() + 6});
  EXPECT_THAT(warnings, ::testing::ElementsAre(HasSubstr("one configuration only")));
  // Around a million, float32 numbers are 1/16 apart; around a hundred, 8e-6.
  std::vector<float> far = near;
  for (float& value : far) value += 1e6F;
  (void)read(far);
  EXPECT_THAT(warnings, ::testing::ElementsAre(AllOf(HasSubstr("x.npy"), HasSubstr("0.062 apart"))));
  for (std::size_t k = 0; k < far.size(); ++k) far[k] = near[k] + 100;
  (void)read(far);
  EXPECT_THAT(warnings, ::testing::IsEmpty());
  // float64 resolves them.
  std::vector<double> fine(near.begin(), near.end());
  for (double& value : fine) value += 1e6;
  write_npy(file("x.npy"), Array::of(std::span<const double>(fine), {2, 6}));
  (void)read_configurations(file("x.npy"), 3, 2, [&](const std::string& text) { warnings.push_back(text); });
  EXPECT_THAT(warnings, ::testing::IsEmpty());
}

}  // namespace
}  // namespace equibolt
