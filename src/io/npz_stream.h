#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/npy.h"

namespace equibolt {

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
