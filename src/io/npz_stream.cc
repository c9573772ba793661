#include "io/npz_stream.h"

#include <zip.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <list>
#include <memory>
#include <numeric>

#include "equibolt/error.h"
#include "io/atomic_file.h"

namespace equibolt {
namespace {

constexpr std::uint16_t kDosDate1980 = (1 << 5) | 1;  // as npz.cc: the same arrays give the same bytes

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
        held_.assign(header_.begin(), header_.end());
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

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};

[[noreturn]] void fail(const std::filesystem::path& path, zip_error_t* error) {
  throw IoError("{}: cannot write: {}", path.string(), zip_error_strerror(error));
}

}  // namespace

void write_npz_in_pieces(const std::filesystem::path& path,
                         const std::map<std::string, ArrayInPieces>& arrays) {
  const std::filesystem::path beside = name_beside(path);
  int code = 0;
  std::unique_ptr<zip_t, Discard> archive(zip_open(beside.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code));
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    fail(path, &error);
  }
  std::list<EntrySource> sources;
  for (const auto& [name, array] : arrays) {
    zip_source_t* source =
        zip_source_function(archive.get(), EntrySource::callback, &sources.emplace_back(array));
    if (source == nullptr) fail(path, zip_get_error(archive.get()));
    const zip_int64_t index = zip_file_add(archive.get(), (name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      fail(path, zip_get_error(archive.get()));
    }
    const auto entry = static_cast<zip_uint64_t>(index);
    if (zip_set_file_compression(archive.get(), entry, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive.get(), entry, 0, kDosDate1980, 0) != 0) {
      fail(path, zip_get_error(archive.get()));
    }
  }
  if (zip_close(archive.get()) != 0) {
    for (const EntrySource& source : sources) source.rethrow();
    fail(path, zip_get_error(archive.get()));
  }
  [[maybe_unused]] zip_t* const closed = archive.release();
  publish_file(beside, path);
}

}  // namespace equibolt
