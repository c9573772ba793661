#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

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
/// One array of them; the other entries may be anything. Throws DataError that lists what there is where it
/// is not among them.
Array parse_npz_array(std::span<const std::uint8_t> bytes, const std::string& origin,
                      const std::string& name);
/// The same arrays give the same bytes: names in order, a fixed date.
Bytes npz_bytes(const Npz& npz, Compression compression = Compression::none);

Npz read_npz(const std::filesystem::path& path);
/// The same from a file that need not fit into memory.
Array read_npz_array(const std::filesystem::path& path, const std::string& name);
void write_npz(const std::filesystem::path& path, const Npz& npz,
               Compression compression = Compression::none);

/// An array that is too large to be held: its elements' bytes come in pieces of any length.
struct ArrayInPieces {
  DType dtype = DType::f8;
  std::vector<std::size_t> shape;
  std::size_t pieces = 0;
  std::function<Bytes(std::size_t k)> piece;  ///< called once for each k = 0, 1, …, in order
};

/// Writes an .npz file of arrays in pieces, whole or not at all as write_file does; holds a piece at a time.
/// Throws IoError, also where the pieces are not as long as the shape says, and what `piece` throws.
void write_npz_in_pieces(const std::filesystem::path& path,
                         const std::map<std::string, ArrayInPieces>& arrays);

}  // namespace equibolt
