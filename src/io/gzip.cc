#include "io/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <new>
#include <vector>

#include "equibolt/error.h"

namespace equibolt {
namespace {

class Inflater {
 public:
  Inflater() {
    constexpr int gzip_wrapper = 16;
    if (inflateInit2(&stream_, gzip_wrapper + MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

}  // namespace

bool is_gzip(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

std::string gunzipped(std::span<const std::uint8_t> bytes, const std::string& origin) {
  const std::size_t limit = (std::size_t{64} << 20) + 100 * bytes.size();
  Inflater inflater;
  z_stream& stream = inflater.stream();
  std::string text;
  std::vector<char> piece(1 << 16);
  std::size_t given = 0;
  for (;;) {
    if (stream.avail_in == 0) {  // zlib counts in 32 bits
      const std::size_t length = std::min<std::size_t>(bytes.size() - given, 1 << 30);
      stream.next_in = const_cast<Bytef*>(bytes.data() + given);
      stream.avail_in = static_cast<uInt>(length);
      given += length;
    }
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    const int state = inflate(&stream, Z_NO_FLUSH);
    text.append(piece.data(), piece.size() - stream.avail_out);
    if (text.size() > limit) throw DataError("{}: expands to more than {} bytes", origin, limit);
    const bool used_up = stream.avail_in == 0 && given == bytes.size();
    if (state == Z_STREAM_END) {
      if (used_up) return text;
      if (inflateReset(&stream) != Z_OK) throw DataError("{}: damaged gzip file", origin);  // the next member
    } else if (state != Z_OK || (used_up && stream.avail_out > 0)) {
      throw DataError("{}: damaged gzip file: {}", origin,
                      stream.msg != nullptr ? stream.msg : "it ends too early");
    }
  }
}

}  // namespace equibolt
