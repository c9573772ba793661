// Preloaded into the program by tests/faults/campaign.py: makes chosen calls on files under a folder, or
// allocations, fail.
//
//   FAULT_FOLDER   only files in this folder and below count, from the first that is touched on
//   FAULT_CALL     open, write, fsync, close, rename, unlink, mkdir, truncate, thread (its creation), malloc,
//                  or malloc_saving: allocations while a new file is written beside the one it becomes
//   FAULT_NUMBER   which of these calls fails, from 1; it fails once
//   FAULT_ERRNO    with which error, a number
//   FAULT_BYTES    writes beyond so many bytes, all files together, fail with ENOSPC, as on a full disk
//   FAULT_COUNTS   a file that gets the number of calls of each kind when the program exits
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

enum Call {
  kOpen,
  kWrite,
  kFsync,
  kClose,
  kRename,
  kUnlink,
  kMkdir,
  kTruncate,
  kThread,
  kMalloc,
  kMallocSaving,
  kCalls
};
constexpr const char* kNames[kCalls] = {"open",  "write",    "fsync",  "close",  "rename",       "unlink",
                                        "mkdir", "truncate", "thread", "malloc", "malloc_saving"};

std::atomic<long> counts[kCalls];
std::atomic<long> bytes_left{-1};  // negative: no limit
std::atomic<bool> touched{false};
std::atomic<int> saving{0};        // files that are open
thread_local bool inside = false;  // this library's own calls do not count

char folder[4096];
int chosen = -1, chosen_errno = EIO;
long chosen_number = 0;

/// Once, before main: getenv allocates nothing.
__attribute__((constructor)) void set_up() {
  const auto text = [](const char* name) { return std::getenv(name); };
  if (const char* path = text("FAULT_FOLDER")) std::snprintf(folder, sizeof folder, "%s", path);
  if (const char* number = text("FAULT_NUMBER")) chosen_number = std::atol(number);
  if (const char* error = text("FAULT_ERRNO")) chosen_errno = std::atoi(error);
  if (const char* bytes = text("FAULT_BYTES")) bytes_left = std::atol(bytes);
  if (const char* call = text("FAULT_CALL")) {
    for (int k = 0; k < kCalls; ++k) {
      if (std::strcmp(call, kNames[k]) == 0) chosen = k;
    }
    if (chosen < 0) std::abort();
  }
}

__attribute__((destructor)) void write_counts() {
  const char* path = std::getenv("FAULT_COUNTS");
  if (path == nullptr) return;
  inside = true;
  char text[1024] = "{";
  std::size_t length = 1;
  for (int k = 0; k < kCalls; ++k) {
    length += static_cast<std::size_t>(std::snprintf(text + length, sizeof text - length, "%s\"%s\": %ld",
                                                     k == 0 ? "" : ", ", kNames[k], counts[k].load()));
  }
  length += static_cast<std::size_t>(std::snprintf(text + length, sizeof text - length, "}\n"));
  const int file = ::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file >= 0 && ::write(file, text, length) < 0) std::abort();
  ::close(file);
}

/// The function that this library stands before.
template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}
#define NEXT(function) (next<decltype(&function)>(#function))

bool under(const char* path) {
  if (folder[0] == 0 || path == nullptr) return false;
  const std::size_t length = std::strlen(folder);
  char absolute[8192];
  if (path[0] != '/') {
    if (getcwd(absolute, 4096) == nullptr) return false;
    const std::size_t at = std::strlen(absolute);
    std::snprintf(absolute + at, sizeof absolute - at, "/%s", path);
    path = absolute;
  }
  const bool is = std::strncmp(path, folder, length) == 0 && (path[length] == 0 || path[length] == '/');
  if (is) touched = true;
  return is;
}

/// The name of an open file in `path`; false where it has none.
bool name_of(int file, char (&path)[4096]) {
  char name[64];
  std::snprintf(name, sizeof name, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(name, path, sizeof path - 1);
  if (length < 0) return false;
  path[length] = 0;
  return path[0] == '/';
}

bool under(int file) {
  char path[4096];
  return folder[0] != 0 && file >= 3 && name_of(file, path) && under(path);
}

bool is_partial(const char* path) {
  return std::strstr(path, ".partial") != nullptr;
}

bool is_partial(int file) {
  char path[4096];
  return name_of(file, path) && is_partial(path);
}

/// Counts the call; whether it is the one that fails, with errno set.
bool fails(Call call) {
  const long number = ++counts[call];
  if (call != chosen || number != chosen_number) return false;
  errno = chosen_errno;
  return true;
}

/// For a write: whether the disk is full before `size` more bytes, with errno set.
bool full(std::size_t size) {
  if (bytes_left < 0) return false;
  if (bytes_left.fetch_sub(static_cast<long>(size)) >= static_cast<long>(size)) return false;
  bytes_left = 0;
  errno = ENOSPC;
  return true;
}

bool write_fails(int file, std::size_t size) {
  return under(file) && (fails(kWrite) || full(size));
}

bool for_writing(int flags) {
  return (flags & O_ACCMODE) != O_RDONLY;
}

/// As long as it lives, allocations of this thread do not count.
class Uncounted {
 public:
  Uncounted() { inside = true; }
  ~Uncounted() { inside = false; }
};

bool allocation_fails() {
  if (inside || !touched) return false;
  if (fails(kMalloc)) return true;
  return saving > 0 && fails(kMallocSaving);
}

}  // namespace

// OpenMM 7.7's XML parser (irrXML) frees an element's attributes a second time when memory for them runs out:
// a fault of its own, which would end the campaign's runs with SIGABRT. This is OpenMM::XmlSerializer::
// deserializeStream(std::istream&), by its mangled name.
extern "C" void* _ZN6OpenMM13XmlSerializer17deserializeStreamERSi(void* stream) {
  using Function = void* (*)(void*);
  const auto parse = next<Function>("_ZN6OpenMM13XmlSerializer17deserializeStreamERSi");
  const Uncounted uncounted;
  return parse(stream);
}

extern "C" {

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  const bool counted = !inside && for_writing(flags) && under(path);
  if (counted && fails(kOpen)) return -1;
  const int file = next<int (*)(const char*, int, ...)>("open")(path, flags, mode);
  if (counted && file >= 0 && is_partial(path)) ++saving;
  return file;
}
int open64(const char* path, int flags, ...) __attribute__((alias("open")));

FILE* fopen(const char* path, const char* mode) {
  const bool counted = mode[0] != 'r' && under(path);
  if (counted && fails(kOpen)) return nullptr;
  FILE* file = NEXT(fopen)(path, mode);
  if (counted && file != nullptr && is_partial(path)) ++saving;
  return file;
}
FILE* fopen64(const char* path, const char* mode) __attribute__((alias("fopen")));

int mkstemp(char* path) {
  const bool counted = under(path);
  if (counted && fails(kOpen)) return -1;
  const int file = NEXT(mkstemp)(path);
  if (counted && file >= 0 && is_partial(path)) ++saving;
  return file;
}
int mkstemp64(char* path) __attribute__((alias("mkstemp")));

ssize_t write(int file, const void* data, size_t size) {
  if (!inside && write_fails(file, size)) return -1;
  return NEXT(write)(file, data, size);
}

ssize_t writev(int file, const iovec* parts, int count) {
  std::size_t size = 0;
  for (int k = 0; k < count; ++k) size += parts[k].iov_len;
  if (write_fails(file, size)) return -1;
  return NEXT(writev)(file, parts, count);
}

size_t fwrite(const void* data, size_t size, size_t count, FILE* file) {
  if (write_fails(fileno(file), size * count)) return 0;
  return NEXT(fwrite)(data, size, count, file);
}

int fsync(int file) {
  if (under(file) && fails(kFsync)) return -1;
  return NEXT(fsync)(file);
}
int fdatasync(int file) {
  if (under(file) && fails(kFsync)) return -1;
  return NEXT(fdatasync)(file);
}

/// As on Linux, the descriptor is closed in any case.
int close(int file) {
  if (inside) return NEXT(close)(file);
  const int flags = fcntl(file, F_GETFL);
  const bool counted = flags >= 0 && for_writing(flags) && under(file), partial = counted && is_partial(file);
  const int result = NEXT(close)(file);
  if (!counted) return result;
  if (partial) --saving;
  return fails(kClose) ? -1 : result;
}

int fclose(FILE* file) {
  const int descriptor = fileno(file), flags = fcntl(descriptor, F_GETFL);
  const bool counted = flags >= 0 && for_writing(flags) && under(descriptor),
             partial = counted && is_partial(descriptor);
  const int result = NEXT(fclose)(file);
  if (!counted) return result;
  if (partial) --saving;
  return fails(kClose) ? EOF : result;
}

int rename(const char* from, const char* to) noexcept {
  if (under(to) && fails(kRename)) return -1;
  return NEXT(rename)(from, to);
}

int unlink(const char* path) noexcept {
  if (under(path) && fails(kUnlink)) return -1;
  return NEXT(unlink)(path);
}
int remove(const char* path) noexcept {
  if (under(path) && fails(kUnlink)) return -1;
  return NEXT(remove)(path);
}
int unlinkat(int directory, const char* path, int flags) noexcept {
  if ((under(path) || (path[0] != '/' && under(directory))) && fails(kUnlink)) return -1;
  return NEXT(unlinkat)(directory, path, flags);
}

int mkdir(const char* path, mode_t mode) noexcept {
  if (under(path) && fails(kMkdir)) return -1;
  return NEXT(mkdir)(path, mode);
}

int truncate(const char* path, off_t length) noexcept {
  if (under(path) && fails(kTruncate)) return -1;
  return NEXT(truncate)(path, length);
}
int truncate64(const char* path, off64_t length) noexcept __attribute__((alias("truncate")));
int ftruncate(int file, off_t length) noexcept {
  if (under(file) && fails(kTruncate)) return -1;
  return NEXT(ftruncate)(file, length);
}
int ftruncate64(int file, off64_t length) noexcept __attribute__((alias("ftruncate")));

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                   void* argument) noexcept {
  if (touched && fails(kThread)) return EAGAIN;
  return NEXT(pthread_create)(thread, attributes, start, argument);
}

// glibc's own names of its allocator: dlsym itself allocates.
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

void* malloc(size_t size) {
  return allocation_fails() ? nullptr : __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  return allocation_fails() ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) {
  return allocation_fails() ? nullptr : __libc_realloc(old, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  return allocation_fails() ? nullptr : __libc_memalign(alignment, size);
}
int posix_memalign(void** result, size_t alignment, size_t size) {
  if (allocation_fails()) return ENOMEM;
  *result = __libc_memalign(alignment, size);
  return *result == nullptr ? ENOMEM : 0;
}
}
