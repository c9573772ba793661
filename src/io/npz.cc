#include "io/npz.h"

#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <list>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <string_view>
#include <vector>

#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr std::string_view suffix = ".npy";
constexpr std::uint16_t dos_date_1980 =
    (1 << 5) | 1;  // 1 January, the format's first day: the same arrays give the same bytes

std::string file_name(const std::string& name) {
  return name + std::string(suffix);
}

class ZipError {
 public:
  ZipError() { zip_error_init(&error_); }
  ~ZipError() { zip_error_fini(&error_); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
  zip_error_t* get() { return &error_; }
  const char* text() { return zip_error_strerror(&error_); }

 private:
  zip_error_t error_{};
};

/// What libzip could not do for want of memory says nothing against the file.
void throw_if_out_of_memory(zip_error_t* error) {
  const bool by_system = zip_error_system_type(error) == ZIP_ET_SYS && zip_error_code_system(error) == ENOMEM;
  if (by_system || zip_error_code_zip(error) == ZIP_ER_MEMORY) throw std::bad_alloc();
}

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseEntry {
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};
struct FreeSource {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using Entry = std::unique_ptr<zip_file_t, CloseEntry>;
using Source = std::unique_ptr<zip_source_t, FreeSource>;

/// Reads to the end, where libzip compares the checksum. Memory grows with what really comes, never with what
/// the entry declares.
Bytes read_entry(zip_t* archive, const zip_stat_t& status, const std::string& origin) {
  const Entry entry(zip_fopen_index(archive, status.index, 0));
  if (!entry) {
    throw_if_out_of_memory(zip_get_error(archive));
    throw DataError("{}: {}", origin, zip_strerror(archive));
  }
  Bytes content;
  for (;;) {
    constexpr std::size_t step = 1 << 20;
    const std::size_t done = content.size();
    const std::size_t room = std::min<std::size_t>(std::max(step, done), status.size - done + 1);
    content.resize(done + room);
    const zip_int64_t got = zip_fread(entry.get(), content.data() + done, room);
    if (got < 0) {
      throw_if_out_of_memory(zip_file_get_error(entry.get()));
      throw DataError("{}: {}", origin, zip_file_strerror(entry.get()));
    }
    content.resize(done + static_cast<std::size_t>(got));
    if (content.size() > status.size) break;
    if (got == 0) break;
  }
  if (content.size() != status.size) {
    throw DataError("{}: {} bytes declared, {} found", origin, status.size,
                    content.size() > status.size ? "more" : fmt::format("{}", content.size()));
  }
  return content;
}

Source source_of(std::span<const std::uint8_t> bytes, const std::string& origin) {
  if (bytes.empty())
    throw DataError("{}: empty, an npz (zip) file expected", origin);  // to libzip an empty archive
  ZipError error;
  Source source(zip_source_buffer_create(bytes.data(), bytes.size(), 0, error.get()));
  if (!source) {
    throw_if_out_of_memory(error.get());
    throw DataError("{}: {}", origin, error.text());
  }
  return source;
}

/// All arrays of the archive, or of them `only` one, whatever the other entries are; `size` is the archive's,
/// in bytes.
Npz read_archive(Source source, std::uint64_t size, const std::string& origin,
                 const std::optional<std::string>& only = {}) {
  ZipError error;
  const Archive archive(zip_open_from_source(source.get(), ZIP_RDONLY | ZIP_CHECKCONS, error.get()));
  if (!archive) throw_if_out_of_memory(error.get());
  if (!archive && zip_error_code_zip(error.get()) == ZIP_ER_EXISTS) {
    throw DataError("{}: two entries of the archive have the same name", origin);
  }
  if (!archive) throw DataError("{}: not an npz (zip) file: {}", origin, error.text());
  (void)source.release();  // the archive owns it now

  const std::uint64_t limit = (std::uint64_t{64} << 20) + 100 * size;
  std::uint64_t total = 0;
  Npz npz{{}, origin};
  std::vector<std::string> names;
  const zip_int64_t entries = zip_get_num_entries(archive.get(), 0);
  if (entries == 0) throw DataError("{}: an npz file without any arrays", origin);
  for (zip_int64_t k = 0; k < entries; ++k) {
    zip_stat_t status;
    constexpr auto wanted = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(archive.get(), static_cast<zip_uint64_t>(k), 0, &status) != 0 ||
        (status.valid & wanted) != wanted) {
      throw DataError("{}: entry {} of the archive has no readable header", origin, k);
    }
    const std::string_view file = status.name;
    names.emplace_back(file.substr(0, file.size() - (file.ends_with(suffix) ? suffix.size() : 0)));
    const std::string where = fmt::format("{}: entry '{}'", origin, file);
    if (only && file != file_name(*only)) continue;
    if (!file.ends_with(suffix)) throw DataError("{}: not an .npy file", where);
    const std::string name(file.substr(0, file.size() - suffix.size()));
    if (status.encryption_method != ZIP_EM_NONE) throw DataError("{}: encrypted", where);
    if (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE) {
      throw DataError("{}: compression method {} found, 0 (none) or 8 (deflate) expected", where,
                      status.comp_method);
    }
    if (status.size > limit - total) {
      throw DataError("{}: declares {} bytes, too many for an archive of {}", where, status.size, size);
    }
    total += status.size;
    const Bytes content = read_entry(archive.get(), status, where);
    npz.arrays.emplace(name, parse_npy(content, fmt::format("{}: array '{}'", origin, name)));
  }
  if (only && npz.arrays.empty()) {
    throw DataError("{}: no array '{}'; found: {}", origin, *only,
                    names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
  }
  return npz;
}

/// What libzip reads an entry from.
class EntrySource {
 public:
  explicit EntrySource(const ArrayInPieces& array)
      : array_(array),
        header_(npy_header(array.dtype, array.shape)),
        size_(header_.size() + std::accumulate(array.shape.begin(), array.shape.end(), size_of(array.dtype),
                                               std::multiplies<>())) {}

  static zip_int64_t callback(void* self, void* data, zip_uint64_t length, zip_source_cmd_t command) {
    return static_cast<EntrySource*>(self)->handle(data, length, command);
  }

  /// What `piece` threw, if it did: an exception must not pass through libzip.
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  zip_int64_t handle(void* data, zip_uint64_t length, zip_source_cmd_t command) {
    switch (command) {
      case ZIP_SOURCE_SUPPORTS:
        return ZIP_SOURCE_SUPPORTS_READABLE;
      case ZIP_SOURCE_OPEN:
        try {
          held_.assign(header_.begin(), header_.end());
        } catch (...) {
          failure_ = std::current_exception();
          return -1;
        }
        at_ = done_ = next_ = 0;
        return 0;
      case ZIP_SOURCE_READ:
        try {
          return read(static_cast<std::uint8_t*>(data), length);
        } catch (...) {
          failure_ = std::current_exception();
          return -1;
        }
      case ZIP_SOURCE_STAT: {
        zip_stat_t status;
        zip_stat_init(&status);
        status.size = size_;
        status.valid = ZIP_STAT_SIZE;
        std::memcpy(data, &status, sizeof status);
        return sizeof status;
      }
      case ZIP_SOURCE_ERROR: {
        const int codes[2] = {ZIP_ER_READ, 0};
        std::memcpy(data, codes, sizeof codes);
        return sizeof codes;
      }
      default:  // CLOSE, FREE: this object belongs to the writer
        return 0;
    }
  }

  zip_int64_t read(std::uint8_t* to, std::uint64_t length) {
    while (at_ == held_.size() && next_ < array_.pieces) {
      held_ = array_.piece(next_++);
      at_ = 0;
    }
    const std::size_t got = std::min<std::size_t>(length, held_.size() - at_);
    std::copy_n(held_.begin() + static_cast<std::ptrdiff_t>(at_), got, to);
    at_ += got;
    done_ += got;
    if (done_ > size_ || (got == 0 && done_ != size_)) {
      throw IoError("an array's pieces are not as long as its shape {}", shape_text(array_.shape));
    }
    return static_cast<zip_int64_t>(got);
  }

  const ArrayInPieces& array_;
  std::string header_;
  std::uint64_t size_;
  Bytes held_;  ///< the piece under way
  std::size_t at_ = 0, done_ = 0, next_ = 0;
  std::exception_ptr failure_;
};

[[noreturn]] void fail(const std::filesystem::path& path, zip_error_t* error) {
  throw_if_out_of_memory(error);
  throw IoError("{}: cannot write: {}", path.string(), zip_error_strerror(error));
}

}  // namespace

const Array& Npz::operator[](const std::string& name) const {
  const auto found = arrays.find(name);
  if (found != arrays.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [there, array] : arrays) names.push_back(there);
  throw DataError("{}: no array '{}'; found: {}", origin, name,
                  names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
}

Npz parse_npz(std::span<const std::uint8_t> bytes, const std::string& origin) {
  return read_archive(source_of(bytes, origin), bytes.size(), origin);
}

Array parse_npz_array(std::span<const std::uint8_t> bytes, const std::string& origin,
                      const std::string& name) {
  return read_archive(source_of(bytes, origin), bytes.size(), origin, name)[name];
}

Bytes npz_bytes(const Npz& npz, Compression compression) {
  ZipError error;
  const Source target(zip_source_buffer_create(nullptr, 0, 0, error.get()));
  if (!target) throw IoError("{}: {}", npz.origin, error.text());
  zip_source_keep(target.get());  // read after the archive is closed
  Archive archive(zip_open_from_source(target.get(), ZIP_CREATE | ZIP_TRUNCATE, error.get()));
  if (!archive) throw IoError("{}: {}", npz.origin, error.text());

  std::vector<Bytes> contents;  // libzip reads them when it closes the archive
  contents.reserve(npz.arrays.size());
  for (const auto& [name, array] : npz.arrays) {
    const Bytes& content = contents.emplace_back(npy_bytes(array));
    Source source(zip_source_buffer_create(content.data(), content.size(), 0, error.get()));
    if (!source) throw IoError("{}: {}", npz.origin, error.text());
    const zip_int64_t index =
        zip_file_add(archive.get(), file_name(name).c_str(), source.get(), ZIP_FL_ENC_UTF_8);
    if (index < 0) throw IoError("array '{}': {}", name, zip_strerror(archive.get()));
    (void)source.release();  // the archive owns it now
    const auto entry = static_cast<zip_uint64_t>(index);
    const zip_int32_t method = compression == Compression::none ? ZIP_CM_STORE : ZIP_CM_DEFLATE;
    if (zip_set_file_compression(archive.get(), entry, method, 0) != 0 ||
        zip_file_set_dostime(archive.get(), entry, 0, dos_date_1980, 0) != 0) {
      throw IoError("array '{}': {}", name, zip_strerror(archive.get()));
    }
  }
  if (zip_close(archive.get()) != 0) throw IoError("{}: {}", npz.origin, zip_strerror(archive.get()));
  (void)archive.release();  // closed

  zip_stat_t status;
  Bytes bytes;
  if (zip_source_stat(target.get(), &status) != 0 || zip_source_open(target.get()) != 0) {
    throw IoError("{}: {}", npz.origin, zip_error_strerror(zip_source_error(target.get())));
  }
  bytes.resize(status.size);
  const zip_int64_t got = zip_source_read(target.get(), bytes.data(), bytes.size());
  zip_source_close(target.get());
  if (got != static_cast<zip_int64_t>(bytes.size()))
    throw IoError("{}: the archive is incomplete", npz.origin);
  return bytes;
}

Npz read_npz(const std::filesystem::path& path) {
  return parse_npz(read_file(path), path.string());
}

Array read_npz_array(const std::filesystem::path& path, const std::string& name) {
  std::error_code failed;
  const std::uint64_t size = std::filesystem::file_size(path, failed);
  if (failed) throw IoError("{}: cannot read: {}", path.string(), failed.message());
  if (size == 0) throw DataError("{}: empty, an npz (zip) file expected", path.string());
  ZipError error;
  Source source(zip_source_file_create(path.c_str(), 0, 0, error.get()));
  if (!source) {
    throw_if_out_of_memory(error.get());
    throw IoError("{}: cannot read: {}", path.string(), error.text());
  }
  return read_archive(std::move(source), size, path.string(), name)[name];
}

void write_npz(const std::filesystem::path& path, const Npz& npz, Compression compression) {
  write_file(path, npz_bytes(npz, compression));
}

void write_npz_in_pieces(const std::filesystem::path& path,
                         const std::map<std::string, ArrayInPieces>& arrays) {
  const std::filesystem::path beside = name_beside(path);
  std::list<EntrySource> sources;  // the archive tells them when it is discarded, so they have to outlive it
  int code = 0;
  Archive archive(zip_open(beside.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code));
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    fail(path, &error);
  }
  for (const auto& [name, array] : arrays) {
    zip_source_t* source =
        zip_source_function(archive.get(), EntrySource::callback, &sources.emplace_back(array));
    if (source == nullptr) fail(path, zip_get_error(archive.get()));
    const zip_int64_t index = zip_file_add(archive.get(), file_name(name).c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      fail(path, zip_get_error(archive.get()));
    }
    const auto entry = static_cast<zip_uint64_t>(index);
    if (zip_set_file_compression(archive.get(), entry, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive.get(), entry, 0, dos_date_1980, 0) != 0) {
      fail(path, zip_get_error(archive.get()));
    }
  }
  if (zip_close(archive.get()) != 0) {
    for (const EntrySource& source : sources) source.rethrow();
    fail(path, zip_get_error(archive.get()));
  }
  (void)archive.release();  // closed
  publish_file(beside, path);
}

}  // namespace equibolt
