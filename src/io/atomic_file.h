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

/// The same for a file that is there already, complete, on the same file system as `path`: flushes it to the
/// disk and renames it. Where that fails it is removed.
void publish_file(const std::filesystem::path& beside, const std::filesystem::path& path);
/// A name in `path`'s folder for a file that becomes `path` later: unlike that of any other process's.
std::filesystem::path name_beside(const std::filesystem::path& path);
/// Whether it has such a name, or one that a library has made of such a name: what a killed writer leaves.
bool is_partial_file(const std::filesystem::path& path);
/// Removes what killed writers have left of this file: NAME.PID-NUMBER.partial beside it, and what libraries
/// make of such a name, unless a process of that number lives on this machine.
void remove_partial_files_of(const std::filesystem::path& path);
/// The same of every file that lies in this folder, but in none below it.
void remove_partial_files_in(const std::filesystem::path& folder);

/// Renames a file or a folder, and flushes both folders to the disk. Throws IoError.
void move_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// The whole content of a regular file. Throws IoError.
Bytes read_file(const std::filesystem::path& path);
std::string read_text_file(const std::filesystem::path& path);

}  // namespace equibolt
