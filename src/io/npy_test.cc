#include "io/npy.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "equibolt/error.h"
#include "io/test_files.h"

namespace equibolt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Npy = TestFolder;

TEST_F(Npy, ReadsWhatNumpyWrites) {
  const auto values = golden_values();
  for (const char* name : {"f8.npy", "f8_fortran.npy", "f8_v2.npy", "f8_v3.npy", "f4.npy"}) {
    const Array array = read_npy(golden / name);
    EXPECT_EQ(array.shape, (std::vector<std::size_t>{2, 3, 4})) << name;
    EXPECT_EQ(array.as_double(), values) << name;
    EXPECT_EQ(array.as_float(), std::vector<float>(values.begin(), values.end())) << name;
  }
  EXPECT_EQ(read_npy(golden / "i8.npy").as_int64(), (std::vector<std::int64_t>{-2, -1, 0, 1, 2}));
  EXPECT_EQ(read_npy(golden / "i4.npy").as_double(), (std::vector<double>{-2, -1, 0, 1, 2}));
  EXPECT_EQ(read_npy(golden / "u1.npy").as_int64(), (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(read_npy(golden / "bool.npy").as_int64(), (std::vector<std::int64_t>{1, 0, 1}));
  EXPECT_EQ(read_npy(golden / "empty.npy").shape, (std::vector<std::size_t>{0, 3}));
  const Array scalar = read_npy(golden / "scalar.npy");
  EXPECT_TRUE(scalar.shape.empty());
  EXPECT_EQ(scalar.as_double(), std::vector<double>{0.25});
}

TEST_F(Npy, WritesTheBytesThatNumpyWrites) {
  for (const char* name :
       {"f8.npy", "f4.npy", "i8.npy", "i4.npy", "u1.npy", "bool.npy", "scalar.npy", "empty.npy"}) {
    EXPECT_EQ(npy_bytes(read_npy(golden / name)), read_file(golden / name)) << name;
  }
  EXPECT_NE(npy_bytes(read_npy(golden / "f4.npy")), read_file(golden / "f8.npy"));
}

TEST_F(Npy, NpyRoundTripKeepsEveryBit) {
  const std::vector<double> values = {0.1, -0.0, std::numeric_limits<double>::infinity(), 5e-324};
  write_npy(file("a.npy"), Array::of(values));
  const Array array = read_npy(file("a.npy"));
  EXPECT_EQ(array.bytes, Array::of(values).bytes);
  EXPECT_EQ(array.first_not_finite(), std::optional<std::size_t>(2));
  Configurations<float> x(2, 3, 2);
  x[1][5] = 7;
  EXPECT_EQ(Array::of(x.view()).shape, (std::vector<std::size_t>{2, 3, 2}));
  EXPECT_EQ(Array::of(x.view()).as_float()[11], 7.0F);
}

TEST_F(Npy, IntegersAreExactOrRefused) {
  EXPECT_EQ(Array::of(std::vector<double>{3, -4}).as_int64(), (std::vector<std::int64_t>{3, -4}));
  for (const double bad : {0.5, std::nan(""), 1e300, -std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(message_of<DataError>([&] {
                  Array::of(std::vector<double>{1, bad}).as_int64();
                }),
                HasSubstr("element 1"));
  }
}

TEST_F(Npy, DamageIsRefused) {
  for (const char* name : {"f8.npy", "bool.npy", "scalar.npy", "f8_v2.npy"}) {
    const Bytes bytes = read_file(golden / name);
    const Parse parse = [](auto part) { parse_npy(part, "file"); };
    expect_no_truncation_passes(bytes, parse);
    EXPECT_GT(refused_with_one_byte_changed(bytes, parse), 300U);
  }
}

/// An npy file, version 1, of this header and so many bytes of data.
Bytes npy_with(std::string header, std::size_t data) {
  Bytes bytes = bytes_of(std::string("\x93NUMPY\1\0", 8));
  bytes.push_back(static_cast<std::uint8_t>(header.size() & 255));
  bytes.push_back(static_cast<std::uint8_t>(header.size() >> 8));
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.resize(bytes.size() + data);
  return bytes;
}

TEST_F(Npy, HeadersAreReadStrictly) {
  const auto message = [](const std::string& header, std::size_t data) {
    return message_of<DataError>([&] { parse_npy(npy_with(header, data), "some.npy"); });
  };
  ASSERT_NO_THROW(
      parse_npy(npy_with("{\"shape\":(2,),'descr':'<f8','fortran_order':False}", 16), "some.npy"));
  EXPECT_THAT(message("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 8), }", 16),
              AllOf(HasSubstr("some.npy"), HasSubstr("more than 2^64"), HasSubstr("16 found")));
  EXPECT_THAT(message("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }", 16),
              AllOf(HasSubstr("8000000000000"), HasSubstr("16 found")));
  // Sound files of element types that are not supported are not called broken, and there is a way out.
  for (const char* descr : {">f8", ">f4", "<f2", "<f16", "<c8", "<c16", "<i2", "<u4", "|i1", "|O", "<U5"}) {
    EXPECT_THAT(message(fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': (2,), }}", descr), 16),
                AllOf(HasSubstr(descr), HasSubstr("is not supported: convert with x.astype('f4')"),
                      ::testing::Not(HasSubstr("broken"))));
  }
  EXPECT_THAT(message("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,), }", 16),
              HasSubstr("structured"));
  for (const char* header : {
           "",
           "{",
           "{}",
           "{'descr': '<f8', 'fortran_order': False}",
           "{'descr': '<f8', 'fortran_order': False, 'shape': (2)}",
           "{'descr': '<f8', 'fortran_order': False, 'shape': (-2,)}",
           "{'descr': '<f8', 'fortran_order': False, 'shape': (2.0,)}",
           "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999999,)}",
           "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'shape': (2,)}",
           "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), 'more': 1}",
           "{'descr': '<f8', 'fortran_order': 0, 'shape': (2,)}",
           "{'descr': '<f8', 'fortran_order': False, 'shape': __import__('os')}",
           "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)} 1",
           "{'descr: '<f8', 'fortran_order': False, 'shape': (2,)}",
       }) {
    EXPECT_THAT(message(header, 16), HasSubstr("broken npy header")) << header;
  }
  EXPECT_THAT(message("{'descr': '|b1', 'fortran_order': False, 'shape': (2,)} ", 3),
              HasSubstr("needs 2 bytes"));
}

}  // namespace
}  // namespace equibolt
