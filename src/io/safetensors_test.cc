#include "io/safetensors.h"

#include <gmock/gmock.h>

#include <cstring>
#include <limits>

#include "equibolt/error.h"
#include "io/test_files.h"

namespace equibolt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using SafetensorsFile = TestFolder;

Safetensors some_safetensors() {
  Safetensors file;
  const std::vector<float> weights = {0.5F, -1, 2, 3, 4, 5};
  file.tensors["weight"] = Array::of(std::span<const float>(weights), {2, 3});
  file.tensors["bias"] = Array::of(std::vector<double>{0.1, 0.2});
  file.tensors["none"] = Array::of(std::span<const float>(), {0, 3});
  file.metadata = {{"system", "LJ13 \"quoted\" ε"}, {"version", "1"}};
  return file;
}

/// A safetensors file of this header and so many zero bytes of data.
Bytes safetensors_with(const std::string& header, std::size_t data) {
  const std::uint64_t length = header.size();
  Bytes bytes(sizeof length + header.size() + data);
  std::memcpy(bytes.data(), &length, sizeof length);
  std::copy(header.begin(), header.end(), bytes.begin() + sizeof length);
  return bytes;
}

TEST_F(SafetensorsFile, SafetensorsRoundTripIsExactAndDeterministic) {
  write_safetensors(file("a.safetensors"), some_safetensors());
  const Safetensors read = read_safetensors(file("a.safetensors"));
  EXPECT_EQ(read.metadata, some_safetensors().metadata);
  ASSERT_EQ(read.tensors.size(), 3U);
  for (const auto& [name, array] : some_safetensors().tensors) {
    EXPECT_EQ(read.tensors.at(name).shape, array.shape);
    EXPECT_EQ(read.tensors.at(name).dtype, array.dtype);
    EXPECT_EQ(read.tensors.at(name).bytes, array.bytes);
  }
  EXPECT_EQ(read_file(file("a.safetensors")), safetensors_bytes(some_safetensors()));
}

TEST_F(SafetensorsFile, WritesTheFormatByTheLetter) {
  Safetensors file;
  file.tensors["a"] = Array::of(std::vector<float>{1});
  const std::string header = R"({"a":{"data_offsets":[0,4],"dtype":"F32","shape":[1]}})";
  Bytes wanted = safetensors_with(header + std::string((8 - header.size() % 8) % 8, ' '), 4);
  wanted[wanted.size() - 2] = 0x80;  // 1.0F is 0x3f800000
  wanted[wanted.size() - 1] = 0x3f;
  EXPECT_EQ(safetensors_bytes(file), wanted);
  file.metadata["text"] = "\xff";
  EXPECT_THROW(safetensors_bytes(file), DataError);
}

TEST_F(SafetensorsFile, DamageIsRefused) {
  const Parse parse = [](auto part) { parse_safetensors(part, "file"); };
  const Bytes bytes = safetensors_bytes(some_safetensors());
  expect_no_truncation_passes(bytes, parse);
  EXPECT_GT(refused_with_one_byte_changed(bytes, parse), bytes.size() * 2);
}

TEST_F(SafetensorsFile, HeadersAreReadStrictly) {
  const auto message = [](const std::string& header, std::size_t data) {
    return message_of<DataError>([&] { parse_safetensors(safetensors_with(header, data), "m.safetensors"); });
  };
  ASSERT_NO_THROW(parse_safetensors(
      safetensors_with(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  )", 4), "m"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", 4),
              AllOf(HasSubstr("m.safetensors"), HasSubstr("tensor 'a'"), HasSubstr("F16")));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4), HasSubstr("(2,)"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}})", 4),
              HasSubstr("do not hold"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8),
              HasSubstr("begin at 4"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 8), HasSubstr("8 found"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                      R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                      8),
              HasSubstr("'b': data begin at 4, expected 8"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                      R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                      4),
              HasSubstr("key 'a' is twice"));
  EXPECT_THAT(message(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4),
              HasSubstr("key 'dtype' is twice"));
  EXPECT_THAT(message(R"({"__metadata__":{"v":1}})", 0), HasSubstr("text to text"));
  for (const char* header : {"", "[]", " {}", "{", "{}x", R"({"a":1})", R"({"a":{}})",
                             R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})",
                             R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})",
                             R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})",
                             R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})",
                             R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}})",
                             R"({"a":{"dtype":1,"shape":[1],"data_offsets":[0,4]}})"}) {
    EXPECT_THAT(message(header, 4), HasSubstr("m.safetensors")) << header;
  }
  EXPECT_THAT(message("{\"a\":" + std::string(100000, '['), 0), HasSubstr("too deeply"));
  Bytes huge = safetensors_with("{}", 0);
  for (std::size_t k = 0; k < 8; ++k) huge[k] = 0xff;
  EXPECT_THROW(parse_safetensors(huge, "m"), DataError);
}

TEST_F(SafetensorsFile, NumbersThatAreNotFiniteAreRefused) {
  Safetensors file = some_safetensors();
  const std::vector<float> bad = {1, std::numeric_limits<float>::quiet_NaN()};
  file.tensors["weight"] = Array::of(bad);
  EXPECT_THAT(message_of<DataError>([&] { parse_safetensors(safetensors_bytes(file), "m"); }),
              AllOf(HasSubstr("'weight'"), HasSubstr("element 1")));
}

}  // namespace
}  // namespace equibolt
