#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "io/npy.h"

namespace equibolt {

/// Named float arrays with text about them, in the safetensors format.
struct Safetensors {
  std::map<std::string, Array> tensors;  ///< f4 or f8
  std::map<std::string, std::string> metadata;
};

/// Throws DataError, with `origin` in front, unless the bytes are a strict safetensors file: dtypes F32 and
/// F64 only, data without gaps or overlap, no key twice, every number finite.
Safetensors parse_safetensors(std::span<const std::uint8_t> bytes, const std::string& origin);
/// The same content gives the same bytes: names in order, data aligned to 8 bytes.
Bytes safetensors_bytes(const Safetensors& file);

Safetensors read_safetensors(const std::filesystem::path& path);
void write_safetensors(const std::filesystem::path& path, const Safetensors& file);

}  // namespace equibolt
