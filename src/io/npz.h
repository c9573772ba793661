#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "io/npy.h"

namespace equibolt {

/// Named arrays, numpy's .npz.
struct Npz {
  std::map<std::string, Array> arrays;
  std::string origin;  ///< the file, for messages

  bool contains(const std::string& name) const { return arrays.contains(name); }
  /// Throws DataError that lists what there is.
  const Array& operator[](const std::string& name) const;
};

enum class Compression { none, deflate };

/// Throws DataError unless the bytes are a sound zip archive of .npy files: sizes as declared, checksums
/// right, no name twice, and no more than 64 MiB + 100 times the archive's size in all.
Npz parse_npz(std::span<const std::uint8_t> bytes, const std::string& origin);
/// The same arrays give the same bytes: names in order, a fixed date.
Bytes npz_bytes(const Npz& npz, Compression compression = Compression::none);

Npz read_npz(const std::filesystem::path& path);
/// One array of a file whose others need not fit into memory. Throws DataError where it is not there.
Array read_npz_array(const std::filesystem::path& path, const std::string& name);
void write_npz(const std::filesystem::path& path, const Npz& npz,
               Compression compression = Compression::none);

}  // namespace equibolt
