#include "io/atomic_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <regex>

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
  FileDescriptor file(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC);
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

/// The process that writes the partial file `found` of the file `name`, or, where that is empty, of any file;
/// 0 where it is none of ours. libzip writes beside the name that it is given, with six more characters.
pid_t writer_of(const std::string& found, const std::string& name) {
  static const std::regex of_any(R"(.+\.([0-9]{1,9})-[0-9]{1,9}\.partial(\.[A-Za-z0-9]{6})?)");
  std::smatch match;
  if (!std::regex_match(found, match, of_any)) return 0;
  const auto suffix = static_cast<std::size_t>(match.position(1)) - 1;
  return name.empty() || found.substr(0, suffix) == name ? std::stoi(match[1]) : 0;
}

/// Whether another process of this number lives here. Our own writes nothing while it cleans up; in a
/// container all writers may have had its number.
bool lives(pid_t process) {
  return process != ::getpid() && (::kill(process, 0) == 0 || errno == EPERM);
}

void remove_partial(const std::filesystem::path& folder, const std::string& name) {
  std::error_code error;  // what cannot be listed or removed stays
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const pid_t writer = writer_of(at->path().filename().string(), name);
    std::error_code ignored;
    if (writer != 0 && !lives(writer)) std::filesystem::remove(at->path(), ignored);
  }
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
  std::filesystem::path beside = name_beside(path);
  bool written = write_and_sync(beside, content);
  while (!written && errno == EEXIST) {  // left by a process that had our number, on this machine or another
    beside = name_beside(path);
    written = write_and_sync(beside, content);
  }
  if (!written) fail_to_write(path, beside);
  rename_and_sync(beside, path);
}

void publish_file(const std::filesystem::path& beside, const std::filesystem::path& path) {
  FileDescriptor file(beside, O_WRONLY | O_CLOEXEC);
  if (!file.valid() || ::fsync(file.get()) != 0 || !file.close()) fail_to_write(path, beside);
  rename_and_sync(beside, path);
}

bool is_partial_file(const std::filesystem::path& path) {
  return writer_of(path.filename().string(), "") != 0;
}

void remove_partial_files_of(const std::filesystem::path& path) {
  remove_partial(path.parent_path().empty() ? "." : path.parent_path(), path.filename().string());
}

void remove_partial_files_in(const std::filesystem::path& folder) {
  remove_partial(folder, "");
}

void move_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    throw IoError("{}: cannot be moved to {}: {}", from.string(), to.string(), std::strerror(errno));
  if (!sync_folder(to.parent_path()) || !sync_folder(from.parent_path())) {
    throw IoError("{}: moved, but its folder cannot be flushed to the disk: {}", to.string(),
                  std::strerror(errno));
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
