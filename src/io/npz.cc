#include "io/npz.h"

#include <zip.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>

#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr std::string_view suffix = ".npy";
constexpr std::uint16_t dos_date_1980 = (1 << 5) | 1;  // 1 January; the format's first day

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
  if (!entry) throw DataError("{}: {}", origin, zip_strerror(archive));
  Bytes content;
  for (;;) {
    constexpr std::size_t step = 1 << 20;
    const std::size_t done = content.size();
    const std::size_t room = std::min<std::size_t>(std::max(step, done), status.size - done + 1);
    content.resize(done + room);
    const zip_int64_t got = zip_fread(entry.get(), content.data() + done, room);
    if (got < 0) throw DataError("{}: {}", origin, zip_file_strerror(entry.get()));
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

/// All arrays of the archive, or of them `only` one; `size` is the archive's, in bytes.
Npz read_archive(Source source, std::uint64_t size, const std::string& origin,
                 const std::optional<std::string>& only = {}) {
  ZipError error;
  const Archive archive(zip_open_from_source(source.get(), ZIP_RDONLY | ZIP_CHECKCONS, error.get()));
  if (!archive && zip_error_code_zip(error.get()) == ZIP_ER_EXISTS) {
    throw DataError("{}: two entries of the archive have the same name", origin);
  }
  if (!archive) throw DataError("{}: not an npz (zip) file: {}", origin, error.text());
  [[maybe_unused]] zip_source_t* const owned_by_archive = source.release();

  const std::uint64_t limit = (std::uint64_t{64} << 20) + 100 * size;
  std::uint64_t total = 0;
  Npz npz{{}, origin};
  const zip_int64_t entries = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t k = 0; k < entries; ++k) {
    zip_stat_t status;
    constexpr auto wanted = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(archive.get(), static_cast<zip_uint64_t>(k), 0, &status) != 0 ||
        (status.valid & wanted) != wanted) {
      throw DataError("{}: entry {} of the archive has no readable header", origin, k);
    }
    const std::string_view file = status.name;
    const std::string where = fmt::format("{}: entry '{}'", origin, file);
    if (!file.ends_with(suffix)) throw DataError("{}: not an .npy file", where);
    const std::string name(file.substr(0, file.size() - suffix.size()));
    if (only && name != *only) continue;
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
  return npz;
}

}  // namespace

const Array& Npz::operator[](const std::string& name) const {
  const auto found = arrays.find(name);
  if (found != arrays.end()) return found->second;
  std::string names;
  for (const auto& [there, array] : arrays) names += (names.empty() ? "" : ", ") + there;
  throw DataError("{}: no array '{}'; found: {}", origin, name, names.empty() ? "none" : names);
}

Npz parse_npz(std::span<const std::uint8_t> bytes, const std::string& origin) {
  if (bytes.empty())
    throw DataError("{}: empty, an npz (zip) file expected", origin);  // to libzip an empty archive
  ZipError error;
  Source source(zip_source_buffer_create(bytes.data(), bytes.size(), 0, error.get()));
  if (!source) throw DataError("{}: {}", origin, error.text());
  return read_archive(std::move(source), bytes.size(), origin);
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
        zip_file_add(archive.get(), (name + std::string(suffix)).c_str(), source.get(), ZIP_FL_ENC_UTF_8);
    if (index < 0) throw IoError("array '{}': {}", name, zip_strerror(archive.get()));
    [[maybe_unused]] zip_source_t* const owned_by_archive = source.release();
    const auto entry = static_cast<zip_uint64_t>(index);
    const zip_int32_t method = compression == Compression::none ? ZIP_CM_STORE : ZIP_CM_DEFLATE;
    if (zip_set_file_compression(archive.get(), entry, method, 0) != 0 ||
        zip_file_set_dostime(archive.get(), entry, 0, dos_date_1980, 0) != 0) {
      throw IoError("array '{}': {}", name, zip_strerror(archive.get()));
    }
  }
  if (zip_close(archive.get()) != 0) throw IoError("{}: {}", npz.origin, zip_strerror(archive.get()));
  [[maybe_unused]] zip_t* const closed = archive.release();

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
  if (!source) throw IoError("{}: cannot read: {}", path.string(), error.text());
  return read_archive(std::move(source), size, path.string(), name)[name];
}

void write_npz(const std::filesystem::path& path, const Npz& npz, Compression compression) {
  write_file(path, npz_bytes(npz, compression));
}

}  // namespace equibolt
