#include "io/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr const char* kPartial = ".partial";

class FileDescriptor {
 public:
  FileDescriptor(const std::filesystem::path& path, int flags) : value_(::open(path.c_str(), flags, 0666)) {}
  ~FileDescriptor() {
    if (value_ >= 0) ::close(value_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  bool valid() const { return value_ >= 0; }
  int get() const { return value_; }
  /// Some file systems report a full disk only here.
  bool close() {
    const int closing = value_;
    value_ = -1;
    return ::close(closing) == 0;
  }

 private:
  int value_;
};

bool write_all(int file, std::span<const std::uint8_t> content) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

/// Writes and flushes; false with errno set on failure.
bool write_and_sync(const std::filesystem::path& path, std::span<const std::uint8_t> content) {
  FileDescriptor file(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
  return file.valid() && write_all(file.get(), content) && ::fsync(file.get()) == 0 && file.close();
}

/// Makes a rename durable. Not every file system can flush a folder; those that cannot say EINVAL.
bool sync_folder(const std::filesystem::path& folder) {
  FileDescriptor file(folder.empty() ? std::filesystem::path(".") : folder,
                      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return file.valid() && (::fsync(file.get()) == 0 || errno == EINVAL);
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

[[noreturn]] void fail_to_write(const std::filesystem::path& path, const std::filesystem::path& beside) {
  const int reason = errno;
  ::unlink(beside.c_str());
  throw IoError("{}: cannot write: {}", path.string(), std::strerror(reason));
}

void rename_and_sync(const std::filesystem::path& beside, const std::filesystem::path& path) {
  if (::rename(beside.c_str(), path.c_str()) != 0) fail_to_write(path, beside);
  if (!sync_folder(path.parent_path())) {
    throw IoError("{}: written, but its folder cannot be flushed to the disk: {}", path.string(),
                  std::strerror(errno));
  }
}

}  // namespace

std::filesystem::path name_beside(const std::filesystem::path& path) {
  std::error_code absent;
  const auto status = std::filesystem::status(path, absent);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw IoError("{}: cannot write: not a regular file", path.string());  // a rename would replace a device
  }
  static std::atomic<unsigned> number{0};
  std::filesystem::path beside = path;
  beside += fmt::format(".{}-{}{}", ::getpid(), number++, kPartial);
  return beside;
}

void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> content) {
  const std::filesystem::path beside = name_beside(path);
  if (!write_and_sync(beside, content)) fail_to_write(path, beside);
  rename_and_sync(beside, path);
}

void publish_file(const std::filesystem::path& beside, const std::filesystem::path& path) {
  FileDescriptor file(beside, O_WRONLY | O_CLOEXEC);
  if (!file.valid() || ::fsync(file.get()) != 0 || !file.close()) fail_to_write(path, beside);
  rename_and_sync(beside, path);
}

void remove_partial_files(const std::filesystem::path& folder) {
  std::error_code error;  // what cannot be listed or removed stays
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error)) {
    const bool partial = entry.path().filename().string().find(kPartial) != std::string::npos;
    if (partial) std::filesystem::remove(entry.path(), error);
  }
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  write_file(path, bytes_of(text));
}

Bytes read_file(const std::filesystem::path& path) {
  const FileDescriptor file(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) {
    throw IoError("{}: cannot read: {}", path.string(), std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) throw IoError("{}: cannot read: not a regular file", path.string());
  Bytes content(static_cast<std::size_t>(status.st_size));
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t got = ::read(file.get(), content.data() + done, content.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw IoError("{}: cannot read: {}", path.string(), std::strerror(errno));
    if (got == 0) {
      throw IoError("{}: cannot read: shrank from {} to {} bytes while being read", path.string(),
                    content.size(), done);
    }
    done += static_cast<std::size_t>(got);
  }
  return content;
}

std::string read_text_file(const std::filesystem::path& path) {
  const Bytes content = read_file(path);
  return {content.begin(), content.end()};
}

}  // namespace equibolt
