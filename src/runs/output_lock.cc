#include "runs/output_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>

#include "core/log.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"

namespace equibolt {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// Who holds a lock by existence.
struct Owner {
  std::string host;
  pid_t process = 0;
};

Owner owner_of(const std::filesystem::path& path) {
  Owner owner;
  std::istringstream(read_text_file(path)) >> owner.host >> owner.process;
  return owner;
}

bool is_dead(const Owner& owner) {
  return owner.host == host_name() && owner.process > 0 && kill(owner.process, 0) != 0 && errno == ESRCH;
}

/// Whether the file system has no locks, as some networked ones.
bool means_no_locks(int error) {
  return error == ENOSYS || error == EOPNOTSUPP || error == ENOLCK || error == EINVAL;
}

std::filesystem::path with_suffix(std::filesystem::path path, const char* suffix) {
  return path += suffix;
}

}  // namespace

OutputLock OutputLock::of_folder(const std::filesystem::path& folder) {
  return {folder / "lock", folder, true};
}

OutputLock OutputLock::of_file(const std::filesystem::path& file) {
  return {with_suffix(file, ".lock"), file, false};
}

OutputLock::OutputLock(std::filesystem::path path, const std::filesystem::path& output, bool stays)
    : path_(std::move(path)), stays_(stays) {
  for (;;) {
    file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0) throw IoError("{}: cannot be opened: {}", path_.string(), std::strerror(errno));
    if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
      const int reason = errno;
      close(std::exchange(file_, -1));
      if (reason == EWOULDBLOCK) throw UsageError("{}: another process is working on it", output.string());
      if (!means_no_locks(reason))
        throw IoError("{}: cannot be locked: {}", path_.string(), std::strerror(reason));
      log_text(
          "warning",
          fmt::format("{}: the file system has no locks ({}); {}.owner keeps other processes away instead",
                      output.string(), std::strerror(reason), path_.string()));
      take_by_existence(output);
      return;
    }
    // Another process may have unlinked the file between the opening and the lock: then the lock is of
    // nothing.
    struct stat opened {
    }, named{};
    if (fstat(file_, &opened) == 0 && stat(path_.c_str(), &named) == 0 && opened.st_ino == named.st_ino)
      return;
    close(std::exchange(file_, -1));
  }
}

void OutputLock::take_by_existence(const std::filesystem::path& output) {
  const std::filesystem::path existing = with_suffix(path_, ".owner");
  for (int attempt = 0; attempt < 2; ++attempt) {
    const int file = open(existing.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file >= 0) {
      const std::string owner = fmt::format("{} {}\n", host_name(), getpid());
      const bool written = write(file, owner.data(), owner.size()) == static_cast<ssize_t>(owner.size());
      const int reason = errno;
      close(file);
      if (!written) {
        unlink(existing.c_str());
        throw IoError("{}: cannot write: {}", existing.string(), std::strerror(reason));
      }
      if (!stays_) unlink(path_.c_str());
      path_ = existing;
      stays_ = false;
      return;
    }
    if (errno != EEXIST) throw IoError("{}: cannot be made: {}", existing.string(), std::strerror(errno));
    const Owner owner = owner_of(existing);
    if (!is_dead(owner)) {
      throw UsageError(
          "{}: process {} on {} is working on it, says {}. If there is no such process any more, remove that "
          "file",
          output.string(), owner.process, owner.host, existing.string());
    }
    log_text("warning", fmt::format("{}: its owner, process {} on this machine, is dead: taken over",
                                    existing.string(), owner.process));
    unlink(existing.c_str());
  }
  throw UsageError("{}: another process is working on it", output.string());
}

OutputLock::OutputLock(OutputLock&& other) noexcept
    : path_(std::move(other.path_)), stays_(other.stays_), file_(std::exchange(other.file_, -1)) {
  other.path_.clear();
}

OutputLock::~OutputLock() {
  if (path_.empty()) return;
  if (!stays_) unlink(path_.c_str());
  if (file_ >= 0) close(file_);
}

}  // namespace equibolt
