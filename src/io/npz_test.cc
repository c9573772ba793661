#include "io/npz.h"

#include <gmock/gmock.h>
#include <zip.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include "equibolt/error.h"
#include "io/test_files.h"

namespace equibolt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using NpzFile = TestFolder;

Npz some_npz() {
  Npz npz;
  npz.arrays["x"] = Array::of(golden_values());
  npz.arrays["zeros"] = Array::of(std::vector<float>(500));
  npz.arrays["n"] = Array::scalar(std::int64_t{3});
  return npz;
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

/// An npy file of one element of this type, zero.
Bytes npy_with_type(const std::string& descr, std::size_t size) {
  const std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': (), }}", descr);
  Bytes bytes = bytes_of(std::string("\x93NUMPY\1\0", 8));
  bytes.push_back(static_cast<std::uint8_t>(header.size()));
  bytes.push_back(0);
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.resize(bytes.size() + size);
  return bytes;
}

TEST_F(NpzFile, ReadsWhatNumpyWrites) {
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

TEST_F(NpzFile, NpzRoundTripIsExactAndDeterministic) {
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

TEST_F(NpzFile, AnNpzInPiecesHoldsWhatTheWholeOneDoes) {
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

TEST_F(NpzFile, OneArrayOfAnNpzIsReadAlone) {
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

TEST_F(NpzFile, OneArrayIsReadWhateverTheOthersAre) {
  const Bytes half = npy_with_type("<f2", 2);
  const Bytes object = npy_with_type("|O", 8);
  const Bytes x = npy_bytes(Array::of(golden_values()));
  const Bytes archive =
      zip_of({{"forces.npy", half}, {"x.npy", x}, {"names.npy", object}, {"notes.txt", half}});
  EXPECT_EQ(parse_npz_array(archive, "some.npz", "x").as_double(), golden_values());
  EXPECT_THAT(message_of<DataError>([&] { parse_npz_array(archive, "some.npz", "y"); }),
              AllOf(HasSubstr("no array 'y'"), HasSubstr("forces, x, names, notes.txt")));
  EXPECT_THAT(message_of<DataError>([&] { parse_npz_array(archive, "some.npz", "forces"); }),
              AllOf(HasSubstr("array 'forces'"), HasSubstr("'<f2'")));
  EXPECT_THROW(parse_npz(archive, "some.npz"), DataError);
}

TEST_F(NpzFile, NumpyReadsWhatWeWrite) {
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

TEST_F(NpzFile, DamageIsRefused) {
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

TEST_F(NpzFile, AWrongChecksumIsReported) {
  Bytes bytes = npz_bytes(some_npz());
  const Bytes data = Array::of(golden_values()).bytes;
  const auto found = std::search(bytes.begin(), bytes.end(), data.begin(), data.end());
  ASSERT_NE(found, bytes.end());
  found[5] ^= 1;
  EXPECT_THAT(message_of<DataError>([&] { parse_npz(bytes, "some.npz"); }),
              AllOf(HasSubstr("some.npz"), HasSubstr("'x.npy'"), HasSubstr("CRC")));
}

TEST_F(NpzFile, BombsDuplicatesAndOtherFilesAreRefused) {
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

TEST_F(NpzFile, AnArchiveWithoutArraysIsRefused) {
  Bytes empty(22);  // the record at the end of an archive, as numpy.savez(file) without arrays leaves it
  std::copy_n("PK\5\6", 4, empty.begin());
  EXPECT_EQ(message_of<DataError>([&] { parse_npz(empty, "empty.npz"); }),
            "empty.npz: an npz file without any arrays");
}

TEST_F(NpzFile, LyingSizesAreRefused) {
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

}  // namespace
}  // namespace equibolt
