#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zip.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>

#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/configurations_file.h"
#include "io/generations.h"
#include "io/npy.h"
#include "io/npz.h"
#include "io/npz_stream.h"
#include "io/safetensors.h"

namespace equibolt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

const fs::path golden = fs::path(EQUIBOLT_SOURCE_DIR) / "tests/golden/io";

/// A folder of its own for each test, gone with it.
class Io : public ::testing::Test {
 protected:
  Io() : folder_(fs::temp_directory_path() / fmt::format("equibolt_io_{}_{}", ::getpid(), counter_++)) {
    fs::create_directories(folder_);
  }
  ~Io() override { fs::remove_all(folder_); }
  fs::path file(const std::string& name) const { return folder_ / name; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

 private:
  static inline int counter_ = 0;
  fs::path folder_;
};

/// The message of the Error of type E that `body` has to throw.
template <typename E>
std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const E& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another exception: " << error.what();
    return "";
  }
  ADD_FAILURE() << "no exception";
  return "";
}

Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

/// The (2, 3, 4) array of tests/golden/io/make.py.
std::vector<double> golden_values() {
  std::vector<double> values(24);
  for (std::size_t k = 0; k < 24; ++k) values[k] = (static_cast<double>(k) - 7.5) / 4;
  return values;
}

using Parse = std::function<void(std::span<const std::uint8_t>)>;

/// Every shorter version of a sound file is refused, as is one with a byte behind it.
void expect_no_truncation_passes(const Bytes& bytes, const Parse& parse) {
  ASSERT_NO_THROW(parse(bytes));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_THROW(parse(part), DataError) << "cut to " << length << " of " << bytes.size() << " bytes";
  }
  Bytes longer = bytes;
  longer.push_back('x');
  EXPECT_THROW(parse(longer), DataError);
}

/// Whatever one byte becomes, the file is read or refused with a DataError. Returns how many were refused.
std::size_t refused_with_one_byte_changed(const Bytes& bytes, const Parse& parse) {
  std::size_t refused = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int value : {0, 1, 0x7f, 0x80, 0xff, bytes[at] ^ 1, bytes[at] ^ 0x10}) {
      Bytes changed = bytes;
      changed[at] = static_cast<std::uint8_t>(value);
      try {
        parse(changed);
      } catch (const DataError&) {
        ++refused;
      }
    }
  }
  return refused;
}

TEST_F(Io, FilesAreReplacedAsAWhole) {
  write_file(file("a"), std::string_view("first"));
  write_file(file("a"), std::string_view("second"));
  EXPECT_EQ(read_text_file(file("a")), "second");
  EXPECT_EQ(files(), 1U);
  write_file(file("b"), Bytes{});
  EXPECT_TRUE(read_file(file("b")).empty());
}

TEST_F(Io, ErrorsNameTheFileAndTheReason) {
  const auto missing_folder = file("no/such/folder/a");
  EXPECT_THAT(message_of<IoError>([&] { write_file(missing_folder, std::string_view("x")); }),
              AllOf(HasSubstr(missing_folder.string()), HasSubstr("No such file")));
  EXPECT_THAT(message_of<IoError>([&] { read_file(file("a")); }),
              AllOf(HasSubstr(file("a").string()), HasSubstr("No such file")));
  EXPECT_THAT(message_of<IoError>([&] { read_file(file("")); }), HasSubstr("not a regular file"));
  fs::create_directories(file("folder/inside"));
  EXPECT_THROW(write_file(file("folder"), std::string_view("x")), IoError);
  EXPECT_EQ(files(), 1U);  // nothing partial left
}

TEST_F(Io, ADiskThatFillsUpLeavesTheOldFileAndNoPartialOne) {
  write_file(file("a"), std::string_view("old"));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message = message_of<IoError>([&] { write_file(file("a"), Bytes(100000)); });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(message, AllOf(HasSubstr(file("a").string()), HasSubstr("File too large")));
  EXPECT_EQ(read_text_file(file("a")), "old");
  EXPECT_EQ(files(), 1U);
}

TEST(Npy, ReadsWhatNumpyWrites) {
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

TEST(Npy, WritesTheBytesThatNumpyWrites) {
  for (const char* name :
       {"f8.npy", "f4.npy", "i8.npy", "i4.npy", "u1.npy", "bool.npy", "scalar.npy", "empty.npy"}) {
    EXPECT_EQ(npy_bytes(read_npy(golden / name)), read_file(golden / name)) << name;
  }
  EXPECT_NE(npy_bytes(read_npy(golden / "f4.npy")), read_file(golden / "f8.npy"));
}

TEST_F(Io, NpyRoundTripKeepsEveryBit) {
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

TEST(Npy, IntegersAreExactOrRefused) {
  EXPECT_EQ(Array::of(std::vector<double>{3, -4}).as_int64(), (std::vector<std::int64_t>{3, -4}));
  for (const double bad : {0.5, std::nan(""), 1e300, -std::numeric_limits<double>::infinity()}) {
    EXPECT_THAT(message_of<DataError>([&] {
                  Array::of(std::vector<double>{1, bad}).as_int64();
                }),
                HasSubstr("element 1"));
  }
}

TEST(Npy, DamageIsRefused) {
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

TEST(Npy, HeadersAreReadStrictly) {
  const auto message = [](const std::string& header, std::size_t data) {
    return message_of<DataError>([&] { parse_npy(npy_with(header, data), "some.npy"); });
  };
  ASSERT_NO_THROW(
      parse_npy(npy_with("{\"shape\":(2,),'descr':'<f8','fortran_order':False}", 16), "some.npy"));
  EXPECT_THAT(message("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 8), }", 16),
              AllOf(HasSubstr("some.npy"), HasSubstr("more than 2^64"), HasSubstr("16 found")));
  EXPECT_THAT(message("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }", 16),
              AllOf(HasSubstr("8000000000000"), HasSubstr("16 found")));
  EXPECT_THAT(message("{'descr': '>f8', 'fortran_order': False, 'shape': (2,), }", 16), HasSubstr("'>f8'"));
  EXPECT_THAT(message("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 16), HasSubstr("'|O'"));
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

Npz some_npz() {
  Npz npz;
  npz.arrays["x"] = Array::of(golden_values());
  npz.arrays["zeros"] = Array::of(std::vector<float>(500));
  npz.arrays["n"] = Array::scalar(std::int64_t{3});
  return npz;
}

TEST(NpzFile, ReadsWhatNumpyWrites) {
  const Npz stored = read_npz(golden / "stored.npz");
  EXPECT_EQ(stored.arrays.size(), 2U);
  EXPECT_EQ(stored["x"].as_double(), golden_values());
  EXPECT_EQ(stored["n"].as_int64(), (std::vector<std::int64_t>{-2, -1, 0, 1, 2}));
  const Npz deflated = read_npz(golden / "deflated.npz");
  EXPECT_EQ(deflated["x"].as_double(), golden_values());
  EXPECT_EQ(deflated["zeros"].as_double(), std::vector<double>(2000));
  EXPECT_THAT(message_of<DataError>([&] { stored["y"]; }),
              AllOf(HasSubstr("stored.npz"), HasSubstr("'y'"), HasSubstr("n, x")));
}

TEST_F(Io, NpzRoundTripIsExactAndDeterministic) {
  for (const Compression compression : {Compression::none, Compression::deflate}) {
    write_npz(file("a.npz"), some_npz(), compression);
    const Npz npz = read_npz(file("a.npz"));
    ASSERT_EQ(npz.arrays.size(), 3U);
    for (const auto& [name, array] : some_npz().arrays) {
      EXPECT_EQ(npz[name].shape, array.shape);
      EXPECT_EQ(npz[name].bytes, array.bytes);
    }
    EXPECT_EQ(read_file(file("a.npz")), npz_bytes(some_npz(), compression));
  }
  EXPECT_LT(npz_bytes(some_npz(), Compression::deflate).size(), npz_bytes(some_npz()).size());
}

TEST_F(Io, AnNpzInPiecesHoldsWhatTheWholeOneDoes) {
  const std::vector<double> energy{1, 2, 3, 4, 5, 6, 7};
  Npz npz;
  npz.arrays["energy"] = Array::of(energy);
  npz.arrays["version"] = Array::scalar(std::int64_t{1});
  std::map<std::string, ArrayInPieces> arrays;
  const auto bytes_of = [&](std::size_t first, std::size_t count) {
    return Array::of(std::vector(energy.begin() + static_cast<long>(first),
                                 energy.begin() + static_cast<long>(first + count)))
        .bytes;
  };
  arrays["energy"] = {DType::f8, {7}, 3, [&](std::size_t k) { return bytes_of(k * 3, k < 2 ? 3 : 1); }};
  arrays["version"] = {DType::i8, {}, 1, [&](std::size_t) { return npz.arrays["version"].bytes; }};
  write_npz_in_pieces(file("pieces.npz"), arrays);
  const Npz found = read_npz(file("pieces.npz"));
  ASSERT_EQ(found.arrays.size(), 2U);
  EXPECT_EQ(found["energy"].as_double(), energy);
  EXPECT_EQ(found["version"].as_int64(), std::vector<std::int64_t>{1});
  EXPECT_EQ(files(), 1U);

  // Pieces that are too short, too long, or cannot be had leave nothing behind but the old file.
  const Bytes before = read_file(file("pieces.npz"));
  for (const std::size_t pieces : {2, 4}) {
    arrays["energy"].pieces = pieces;
    arrays["energy"].piece = [&](std::size_t) { return bytes_of(0, 3); };
    EXPECT_THROW(write_npz_in_pieces(file("pieces.npz"), arrays), IoError);
  }
  arrays["energy"].piece = [](std::size_t) -> Bytes { throw DataError("damaged"); };
  EXPECT_EQ(message_of<DataError>([&] { write_npz_in_pieces(file("pieces.npz"), arrays); }), "damaged");
  EXPECT_EQ(files(), 1U);
  EXPECT_EQ(read_file(file("pieces.npz")), before);
}

TEST_F(Io, WhatKilledWritersLeftIsRemovedAndNothingElse) {
  for (const char* name : {"a.npz", "a.npz.12-0.partial", "a.npz.12-1.partial.Xy12"})
    write_file(file(name), "x");
  remove_partial_files(file("a.npz").parent_path());
  EXPECT_EQ(files(), 1U);
  EXPECT_TRUE(fs::exists(file("a.npz")));
}

TEST_F(Io, OneArrayOfAnNpzIsReadAlone) {
  Npz npz;
  npz.arrays["a"] = Array::text("größer");
  npz.arrays["b"] = Array::scalar(2.0);
  write_npz(file("two.npz"), npz);
  EXPECT_EQ(read_npz_array(file("two.npz"), "a").as_text(), "größer");
  EXPECT_THROW(read_npz_array(file("two.npz"), "c"), DataError);
  EXPECT_THROW(read_npz_array(file("two.npz"), "b").as_text(), DataError);
  EXPECT_THROW(read_npz_array(file("absent.npz"), "a"), IoError);
  write_file(file("two.npz"), "not a zip");
  EXPECT_THROW(read_npz_array(file("two.npz"), "a"), DataError);
}

TEST_F(Io, NumpyReadsWhatWeWrite) {
  const std::string python = "/usr/bin/python3";
  if (std::system((python + " -c 'import numpy' 2>/dev/null").c_str()) != 0) GTEST_SKIP() << "no numpy";
  Npz npz = some_npz();
  npz.arrays["x"].shape = {2, 3, 4};
  write_npz(file("stored.npz"), npz);
  write_npz(file("deflated.npz"), npz, Compression::deflate);
  write_npy(file("x.npy"), npz["x"]);
  const std::string program = R"(
import sys, numpy
x = (numpy.arange(24).reshape(2, 3, 4) - 7.5) / 4
for name in ("stored.npz", "deflated.npz"):
    z = numpy.load(sys.argv[1] + "/" + name)
    assert sorted(z.files) == ["n", "x", "zeros"], z.files
    assert z["x"].dtype == "f8" and (z["x"] == x).all()
    assert z["n"].dtype == "i8" and z["n"].shape == () and z["n"] == 3
    assert z["zeros"].dtype == "f4" and (z["zeros"] == numpy.zeros(500)).all()
assert (numpy.load(sys.argv[1] + "/x.npy") == x).all()
)";
  write_file(file("check.py"), std::string_view(program));
  EXPECT_EQ(std::system((python + " " + file("check.py").string() + " " + file("").string()).c_str()), 0);
}

TEST(NpzFile, DamageIsRefused) {
  const Parse parse = [](auto part) { parse_npz(part, "file"); };
  Npz small;
  small.arrays["x"] = Array::of(std::vector<double>{1, 2});
  small.arrays["y"] = Array::scalar(1.0F);
  for (const Compression compression : {Compression::none, Compression::deflate}) {
    const Bytes bytes = npz_bytes(small, compression);
    expect_no_truncation_passes(bytes, parse);
    // Unread are only dates, versions and attributes.
    EXPECT_GT(refused_with_one_byte_changed(bytes, parse), bytes.size() * 4);
  }
}

TEST(NpzFile, AWrongChecksumIsReported) {
  Bytes bytes = npz_bytes(some_npz());
  const Bytes data = Array::of(golden_values()).bytes;
  const auto found = std::search(bytes.begin(), bytes.end(), data.begin(), data.end());
  ASSERT_NE(found, bytes.end());
  found[5] ^= 1;
  EXPECT_THAT(message_of<DataError>([&] { parse_npz(bytes, "some.npz"); }),
              AllOf(HasSubstr("some.npz"), HasSubstr("'x.npy'"), HasSubstr("CRC")));
}

/// A zip archive with these entries, made by libzip without our checks.
Bytes zip_of(const std::vector<std::pair<std::string, Bytes>>& entries) {
  zip_source_t* const target = zip_source_buffer_create(nullptr, 0, 0, nullptr);
  zip_source_keep(target);
  zip_t* const archive = zip_open_from_source(target, ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  for (const auto& [name, content] : entries) {
    zip_source_t* const source = zip_source_buffer(archive, content.data(), content.size(), 0);
    EXPECT_GE(zip_file_add(archive, name.c_str(), source, 0), 0);
  }
  EXPECT_EQ(zip_close(archive), 0);
  zip_stat_t status;
  zip_source_stat(target, &status);
  Bytes bytes(status.size);
  zip_source_open(target);
  zip_source_read(target, bytes.data(), bytes.size());
  zip_source_close(target);
  zip_source_free(target);
  return bytes;
}

TEST(NpzFile, BombsDuplicatesAndOtherFilesAreRefused) {
  const auto message = [](const Bytes& bytes) {
    return message_of<DataError>([&] { parse_npz(bytes, "some.npz"); });
  };
  const Bytes bomb = zip_of({{"x.npy", npy_bytes(Array::of(std::vector<float>(std::size_t{30} << 20)))}});
  ASSERT_LT(bomb.size(), 200000U);
  EXPECT_THAT(message(bomb), HasSubstr("too many"));

  const Bytes one = npy_bytes(Array::scalar(1.0));
  Bytes twice = zip_of({{"xa.npy", one}, {"xb.npy", one}});
  for (std::size_t k = 0; k + 6 <= twice.size(); ++k) {
    if (std::memcmp(twice.data() + k, "xb.npy", 6) == 0) twice[k + 1] = 'a';
  }
  EXPECT_THAT(message(twice), HasSubstr("the same name"));
  EXPECT_THAT(message(zip_of({{"notes.txt", one}})), HasSubstr("not an .npy file"));
  EXPECT_THAT(message(zip_of({{"x.npy", bytes_of("text")}})), HasSubstr("not an npy file"));
  EXPECT_THAT(message(bytes_of("not a zip")), HasSubstr("some.npz"));
}

TEST(NpzFile, LyingSizesAreRefused) {
  Npz npz;
  npz.arrays["x"] = Array::of(std::vector<double>(100));
  const Bytes bytes = npz_bytes(npz, Compression::deflate);
  const std::uint32_t size = 800 + 128;
  for (const std::uint32_t claimed : {size - 8, size + 8, 1U << 30}) {
    Bytes lying = bytes;
    for (std::size_t k = 0; k + 4 <= lying.size(); ++k) {
      std::uint32_t value = 0;
      std::memcpy(&value, lying.data() + k, 4);
      if (value == size) std::memcpy(lying.data() + k, &claimed, 4);
    }
    ASSERT_NE(lying, bytes);
    EXPECT_THROW(parse_npz(lying, "some.npz"), DataError);
  }
}

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

TEST_F(Io, SafetensorsRoundTripIsExactAndDeterministic) {
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

TEST(SafetensorsFile, WritesTheFormatByTheLetter) {
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

TEST(SafetensorsFile, DamageIsRefused) {
  const Parse parse = [](auto part) { parse_safetensors(part, "file"); };
  const Bytes bytes = safetensors_bytes(some_safetensors());
  expect_no_truncation_passes(bytes, parse);
  EXPECT_GT(refused_with_one_byte_changed(bytes, parse), bytes.size() * 2);
}

TEST(SafetensorsFile, HeadersAreReadStrictly) {
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

TEST(SafetensorsFile, NumbersThatAreNotFiniteAreRefused) {
  Safetensors file = some_safetensors();
  const std::vector<float> bad = {1, std::numeric_limits<float>::quiet_NaN()};
  file.tensors["weight"] = Array::of(bad);
  EXPECT_THAT(message_of<DataError>([&] { parse_safetensors(safetensors_bytes(file), "m"); }),
              AllOf(HasSubstr("'weight'"), HasSubstr("element 1")));
}

class ConfigurationsFile : public Io {
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

}  // namespace
}  // namespace equibolt
