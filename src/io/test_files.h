#pragma once

// What the tests of readers and writers share.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "equibolt/error.h"
#include "io/atomic_file.h"

namespace equibolt {

inline const std::filesystem::path golden = std::filesystem::path(EQUIBOLT_SOURCE_DIR) / "tests/golden/io";

/// A folder of its own for each test, gone with it.
class TestFolder : public ::testing::Test {
 protected:
  TestFolder()
      : folder_(std::filesystem::temp_directory_path() /
                fmt::format("equibolt_io_{}_{}", ::getpid(), counter_++)) {
    std::filesystem::create_directories(folder_);
  }
  ~TestFolder() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path file(const std::string& name) const { return folder_ / name; }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator()));
  }

 private:
  static inline int counter_ = 0;
  std::filesystem::path folder_;
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

inline Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

/// The (2, 3, 4) array of tests/golden/io/make.py.
inline std::vector<double> golden_values() {
  std::vector<double> values(24);
  for (std::size_t k = 0; k < 24; ++k) values[k] = (static_cast<double>(k) - 7.5) / 4;
  return values;
}

using Parse = std::function<void(std::span<const std::uint8_t>)>;

/// Every shorter version of a sound file is refused, as is one with a byte behind it.
inline void expect_no_truncation_passes(const Bytes& bytes, const Parse& parse) {
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
inline std::size_t refused_with_one_byte_changed(const Bytes& bytes, const Parse& parse) {
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

}  // namespace equibolt
