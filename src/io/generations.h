#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "io/npz.h"

namespace equibolt {

/// A state that is saved again and again: folder/<name>-<number>.npz, of which the newest two sound ones are
/// kept, so that one damaged file loses little.
struct Generations {
  std::filesystem::path folder;
  std::string name;

  /// What there is, newest first.
  std::vector<std::filesystem::path> files() const;
  /// Writes a generation, whole or not at all, and removes all but the newest two. `number` grows. One that
  /// cannot be removed stays until a later write. Throws IoError.
  void write(std::uint64_t number, const Npz& npz) const;
  /// Calls `parse` with the newest generation that is sound: readable (each array carries a checksum) and not
  /// refused by `parse`, which throws DataError for damage. Newer ones that are damaged get the ending
  /// .damaged, so that they are not counted as generations, and `warn` is told. False where there is none at
  /// all; DataError where all are damaged, which then keep their names. Other errors (a file that cannot be
  /// read now, a state that is of another request) pass through.
  bool read_newest(const std::function<void(const Npz&)>& parse,
                   const std::function<void(const std::string&)>& warn) const;
  /// The same by looking alone: nothing is renamed, nobody is told.
  bool look_at_newest(const std::function<void(const Npz&)>& parse) const;
};

}  // namespace equibolt
