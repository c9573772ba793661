#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "system/make_energy.h"

namespace equibolt {

/// A file that an energy is made of, and a fingerprint of its content.
struct FileHash {
  std::string key;         ///< the config's key that names it: "system.system"
  std::string path;        ///< as the key has it: a path, or the name of a built-in file
  bool built_in = false;   ///< it is part of the program, not a file
  std::uint64_t hash = 0;  ///< content_hash of its bytes

  bool operator==(const FileHash&) const = default;
};

/// The 64-bit content hash of a file. Throws IoError.
std::uint64_t hash_of_file(const std::filesystem::path& path);

/// Every file that the system's energy is read from, in the order of the keys "system.structure",
/// "system.system" and "system.parameters"; empty for a system that is defined by its parameters alone. Two
/// specs with equal keys and equal hashes here are the same physics, wherever the files lie.
///
/// Nothing else is read: xtb would also take a parameter file from XTBPATH, XTBHOME, the home folder or the
/// working directory, but make_energy refuses such a file unless system.parameters names it. A program's own
/// energy has one entry, "system.check", with an empty path and the hash of its check.
///
/// Throws UsageError where a file is neither there nor built in, and IoError where it cannot be read.
std::vector<FileHash> files_of(const SystemSpec& spec);

/// One line per file, "KEY HASH", to be stored beside what was computed with the energy and compared later:
/// paths are left out, so that a moved file is no other file.
std::string text_of(const std::vector<FileHash>& files);

}  // namespace equibolt
