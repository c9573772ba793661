#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace equibolt {

using Bytes = std::vector<std::uint8_t>;

/// Replaces the file at `path` as a whole: whoever reads it, also after a crash or a power cut, finds the old
/// content or the new, never a part. Writes beside, flushes to the disk, renames. Throws IoError with path
/// and reason, and then leaves no partial file behind.
void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> content);
void write_file(const std::filesystem::path& path, std::string_view text);

/// The whole content of a regular file. Throws IoError.
Bytes read_file(const std::filesystem::path& path);
std::string read_text_file(const std::filesystem::path& path);

}  // namespace equibolt
