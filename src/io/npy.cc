#include "io/npy.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstring>

#include "equibolt/error.h"

namespace equibolt {
namespace {

static_assert(std::endian::native == std::endian::little, "files hold little-endian numbers");

struct DTypeRow {
  DType dtype;
  std::size_t size;
  std::string_view name;
  std::string_view descr;  // as numpy writes it
};
constexpr std::array<DTypeRow, 6> dtypes = {{{DType::f4, 4, "float32", "<f4"},
                                             {DType::f8, 8, "float64", "<f8"},
                                             {DType::i4, 4, "int32", "<i4"},
                                             {DType::i8, 8, "int64", "<i8"},
                                             {DType::u1, 1, "uint8", "|u1"},
                                             {DType::boolean, 1, "bool", "|b1"}}};

const DTypeRow& row_of(DType dtype) {
  return dtypes[static_cast<std::size_t>(dtype)];
}

constexpr std::string_view magic = "\x93NUMPY";

/// Calls `visit` with every element in its own type, in order.
template <typename T, typename Visit>
void visit_as(const Bytes& bytes, Visit visit) {
  for (std::size_t k = 0; k < bytes.size() / sizeof(T); ++k) {
    T value;
    std::memcpy(&value, bytes.data() + k * sizeof(T), sizeof(T));
    visit(k, value);
  }
}

template <typename Visit>
void for_each_element(const Array& array, Visit visit) {
  switch (array.dtype) {
    case DType::f4:
      return visit_as<float>(array.bytes, visit);
    case DType::f8:
      return visit_as<double>(array.bytes, visit);
    case DType::i4:
      return visit_as<std::int32_t>(array.bytes, visit);
    case DType::i8:
      return visit_as<std::int64_t>(array.bytes, visit);
    case DType::u1:
    case DType::boolean:
      return visit_as<std::uint8_t>(array.bytes, visit);
  }
}

template <typename To>
std::vector<To> converted_elements(const Array& array) {
  std::vector<To> values(array.size());
  for_each_element(array, [&](std::size_t k, auto value) { values[k] = static_cast<To>(value); });
  return values;
}

template <typename T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::f4;
  if constexpr (std::is_same_v<T, double>) return DType::f8;
  if constexpr (std::is_same_v<T, std::int32_t>) return DType::i4;
  if constexpr (std::is_same_v<T, std::int64_t>) return DType::i8;
  if constexpr (std::is_same_v<T, std::uint8_t>) return DType::u1;
}

[[maybe_unused]] std::size_t product(std::span<const std::size_t> shape) {
  std::size_t size = 1;
  for (const std::size_t n : shape) size *= n;
  return size;
}

/// The header: a Python dictionary literal with exactly the keys descr, fortran_order and shape.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& origin) : text_(text), origin_(origin) {}

  struct Header {
    std::optional<DType> dtype;
    std::optional<bool> fortran_order;
    std::optional<std::vector<std::size_t>> shape;
  };

  Header parse() {
    Header header;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !header.dtype) {
        header.dtype = dtype();
      } else if (key == "fortran_order" && !header.fortran_order) {
        header.fortran_order = boolean();
      } else if (key == "shape" && !header.shape) {
        header.shape = shape();
      } else {
        fail(fmt::format("key '{}' is unknown or there twice", key));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) fail("more after the closing brace");
    if (!header.dtype || !header.fortran_order || !header.shape) {
      fail("one of the keys descr, fortran_order, shape is missing");
    }
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw DataError("{}: broken npy header at character {}: {}", origin_, at_, reason);
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char wanted) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail(fmt::format("'{}' expected", wanted));
  }
  bool accept_word(std::string_view word) {
    skip_space();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  std::string_view quoted() {
    skip_space();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') fail("a quoted word expected");
    const std::size_t first = at_ + 1;
    const std::size_t last = text_.find(quote, first);
    if (last == std::string_view::npos) fail("a quotation mark is not closed");
    at_ = last + 1;
    return text_.substr(first, last - first);
  }
  DType dtype() {
    skip_space();
    if (at_ < text_.size() && text_[at_] == '[') {
      throw DataError(
          "{}: structured element types are not supported: save the fields as arrays of their own", origin_);
    }
    const std::string_view descr = quoted();
    for (const DTypeRow& row : dtypes) {
      if (row.descr == descr) return row.dtype;
    }
    throw DataError(
        "{}: element type '{}' is not supported: convert with x.astype('f4') or x.astype('f8') (supported "
        "are "
        "float32, float64, int32, int64, uint8 and bool, little-endian)",
        origin_, descr);
  }
  bool boolean() {
    if (accept_word("True")) return true;
    if (!accept_word("False")) fail("True or False expected");
    return false;
  }
  std::vector<std::size_t> shape() {
    std::vector<std::size_t> shape;
    expect('(');
    while (!accept(')')) {
      skip_space();
      std::size_t n = 0;
      const char* const end = text_.data() + text_.size();
      const auto [next, error] = std::from_chars(text_.data() + at_, end, n);
      if (error != std::errc()) fail("a length that is a non-negative integer expected");
      at_ = static_cast<std::size_t>(next - text_.data());
      shape.push_back(n);
      if (shape.size() > 32) fail("more than 32 dimensions");
      if (!accept(',')) {
        if (shape.size() == 1) fail("a tuple of one length needs a comma");
        expect(')');
        break;
      }
    }
    return shape;
  }

  std::string_view text_;
  const std::string& origin_;
  std::size_t at_ = 0;
};

/// From column-major to row-major.
Bytes transposed(std::span<const std::uint8_t> bytes, const std::vector<std::size_t>& shape,
                 std::size_t width) {
  Bytes out(bytes.size());
  std::vector<std::size_t> index(shape.size());
  for (std::size_t from = 0; from < bytes.size(); from += width) {
    std::size_t to = 0;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) to = to * shape[axis] + index[axis];
    std::memcpy(out.data() + to * width, bytes.data() + from, width);
    for (std::size_t axis = 0; axis < shape.size() && ++index[axis] == shape[axis]; ++axis) index[axis] = 0;
  }
  return out;
}

}  // namespace

std::size_t size_of(DType dtype) {
  return row_of(dtype).size;
}

std::string_view name_of(DType dtype) {
  return row_of(dtype).name;
}

std::string shape_text(std::span<const std::size_t> shape) {
  return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}

template <typename T>
Array Array::of(std::span<const T> values, std::vector<std::size_t> shape) {
  assert(product(shape) == values.size());
  Array array{dtype_of<T>(), std::move(shape), Bytes(values.size_bytes()), {}};
  if (!values.empty()) std::memcpy(array.bytes.data(), values.data(), values.size_bytes());
  return array;
}
template Array Array::of(std::span<const float>, std::vector<std::size_t>);
template Array Array::of(std::span<const double>, std::vector<std::size_t>);
template Array Array::of(std::span<const std::int32_t>, std::vector<std::size_t>);
template Array Array::of(std::span<const std::int64_t>, std::vector<std::size_t>);
template Array Array::of(std::span<const std::uint8_t>, std::vector<std::size_t>);

std::vector<double> Array::as_double() const {
  return converted_elements<double>(*this);
}

std::vector<float> Array::as_float() const {
  return converted_elements<float>(*this);
}

Array Array::text(std::string_view text) {
  return of(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), {text.size()});
}

std::string Array::as_text() const {
  if (dtype != DType::u1 || shape.size() != 1) {
    throw DataError("{}: expected text, uint8 of one dimension, found {} of shape {}", origin, name_of(dtype),
                    shape_text(shape));
  }
  return {bytes.begin(), bytes.end()};
}

std::vector<std::int64_t> Array::as_int64() const {
  std::vector<std::int64_t> values(size());
  for_each_element(*this, [&](std::size_t k, auto value) {
    if constexpr (std::is_floating_point_v<decltype(value)>) {
      // 2^62 is exact in both types and beyond any count; also false for NaN.
      if (!(std::abs(value) <= 0x1p62) || value != std::floor(value)) {
        throw DataError("{}: element {} is {}, an integer is expected", origin, k, value);
      }
    }
    values[k] = static_cast<std::int64_t>(value);
  });
  return values;
}

std::optional<std::size_t> Array::first_not_finite() const {
  std::optional<std::size_t> first;
  for_each_element(*this, [&](std::size_t k, auto value) {
    if (!first && !std::isfinite(static_cast<double>(value))) first = k;
  });
  return first;
}

Array parse_npy(std::span<const std::uint8_t> bytes, const std::string& origin) {
  if (bytes.size() < magic.size() + 2 || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0) {
    throw DataError("{}: not an npy file: its {} bytes do not begin with \\x93NUMPY and a version", origin,
                    bytes.size());
  }
  const unsigned version = bytes[magic.size()];
  if (version < 1 || version > 3 || bytes[magic.size() + 1] != 0) {
    throw DataError("{}: npy version {}.{} found, 1.0 to 3.0 expected", origin, version,
                    bytes[magic.size() + 1]);
  }
  const std::size_t length_at = magic.size() + 2;
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  const std::size_t header_at = length_at + length_bytes;
  std::size_t header_length = 0;
  if (bytes.size() >= header_at) std::memcpy(&header_length, bytes.data() + length_at, length_bytes);
  if (bytes.size() < header_at || bytes.size() - header_at < header_length) {
    throw DataError("{}: truncated: an npy header of {} bytes does not fit into {} bytes", origin,
                    header_length, bytes.size());
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + header_at, header_length);
  const auto header = HeaderParser(text, origin).parse();
  const std::span<const std::uint8_t> data = bytes.subspan(header_at + header_length);

  std::size_t wanted = size_of(*header.dtype);
  bool overflow = false;
  for (const std::size_t n : *header.shape) overflow |= __builtin_mul_overflow(wanted, n, &wanted);
  if (overflow || wanted != data.size()) {
    throw DataError("{}: shape {} of {} needs {} bytes of data, {} found", origin, shape_text(*header.shape),
                    name_of(*header.dtype), overflow ? "more than 2^64" : fmt::format("{}", wanted),
                    data.size());
  }
  Array array{*header.dtype, *header.shape, {}, origin};
  array.bytes = *header.fortran_order ? transposed(data, array.shape, size_of(array.dtype))
                                      : Bytes(data.begin(), data.end());
  if (array.dtype == DType::boolean &&
      std::any_of(array.bytes.begin(), array.bytes.end(), [](std::uint8_t value) { return value > 1; })) {
    throw DataError("{}: a bool that is neither 0 nor 1", origin);
  }
  return array;
}

std::string npy_header(DType dtype, std::span<const std::size_t> shape) {
  std::string header(magic);
  header += std::string("\1\0\0\0", 4);  // version 1.0; the length is filled in below
  header += fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", row_of(dtype).descr,
                        shape_text(shape));
  // Data begin at a multiple of 64 bytes. numpy ≥ 1.24 leaves room for the first axis to grow to 21 digits.
  if (!shape.empty()) header.append(21 - fmt::formatted_size("{}", shape.front()), ' ');
  header.append(63 - header.size() % 64, ' ');
  header.push_back('\n');
  // Fits: 32 dimensions of at most 20 digits.
  const auto length = static_cast<std::uint16_t>(header.size() - magic.size() - 4);
  std::memcpy(header.data() + magic.size() + 2, &length, sizeof length);
  return header;
}

Bytes npy_bytes(const Array& array) {
  assert(array.bytes.size() == product(array.shape) * size_of(array.dtype));
  const std::string header = npy_header(array.dtype, array.shape);
  Bytes bytes(header.size() + array.bytes.size());
  std::copy(header.begin(), header.end(), bytes.begin());
  std::copy(array.bytes.begin(), array.bytes.end(),
            bytes.begin() + static_cast<std::ptrdiff_t>(header.size()));
  return bytes;
}

Array read_npy(const std::filesystem::path& path) {
  return parse_npy(read_file(path), path.string());
}

void write_npy(const std::filesystem::path& path, const Array& array) {
  write_file(path, npy_bytes(array));
}

}  // namespace equibolt
