#pragma once

#include <filesystem>
#include <string>

namespace equibolt {

/// Keeps other processes from working on an output as long as it lives: a file that is locked by flock, or,
/// where the file system has no such locks, one whose existence is the lock and which names its owner.
class OutputLock {
 public:
  /// Of a folder, which must exist: the file `lock` in it, which stays.
  static OutputLock of_folder(const std::filesystem::path& folder);
  /// Of a file that may not exist yet: NAME.lock beside it, which goes with the lock.
  static OutputLock of_file(const std::filesystem::path& file);

  OutputLock(OutputLock&& other) noexcept;
  OutputLock& operator=(OutputLock&&) = delete;
  ~OutputLock();

 private:
  /// Throws UsageError when another process has the lock, IoError when there can be none.
  OutputLock(std::filesystem::path path, const std::filesystem::path& output, bool stays);
  void take_by_existence(const std::filesystem::path& output);

  std::filesystem::path path_;
  bool stays_;
  int file_ = -1;
};

}  // namespace equibolt
