#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "equibolt/configurations.h"
#include "io/atomic_file.h"

namespace equibolt {

/// The element types that equibolt's files use; all little-endian.
enum class DType { f4, f8, i4, i8, u1, boolean };

std::size_t size_of(DType dtype);
/// "float32", …
std::string_view name_of(DType dtype);

/// "(3, 4)", as Python writes it.
std::string shape_text(std::span<const std::size_t> shape);

/// An array as it lies in a file: row-major, any of a few element types.
struct Array {
  DType dtype = DType::f8;
  std::vector<std::size_t> shape;  ///< empty for a scalar
  Bytes bytes;                     ///< size() · size_of(dtype)
  std::string origin;              ///< "file: array 'x'", where it was read; for messages

  /// Copies `values`; the product of `shape` has to be their number.
  template <typename T>
  static Array of(std::span<const T> values, std::vector<std::size_t> shape);
  template <typename T>
  static Array of(const std::vector<T>& values) {
    return of(std::span<const T>(values), {values.size()});
  }
  template <typename T>
  static Array scalar(T value) {
    return of(std::span<const T>(&value, 1), {});
  }
  /// (B, N, D).
  template <typename T>
  static Array of(ConfigurationsView<T> x) {
    return of(std::span<const std::remove_const_t<T>>(x.values()), {x.count(), x.particles(), x.dim()});
  }

  /// UTF-8 text as uint8 (length,); in Python bytes(array).decode().
  static Array text(std::string_view text);
  /// Throws DataError unless it is uint8 of one dimension.
  std::string as_text() const;

  std::size_t size() const { return bytes.size() / size_of(dtype); }

  /// The elements, converted. as_float rounds; as_int64 throws DataError at the first one that is not
  /// integral.
  std::vector<double> as_double() const;
  std::vector<float> as_float() const;
  std::vector<std::int64_t> as_int64() const;

  /// The index of the first NaN or infinity.
  std::optional<std::size_t> first_not_finite() const;
};

/// Reads the .npy format, versions 1 to 3 (numpy.lib.format). Throws DataError, with `origin` in front,
/// unless the bytes are one array of a supported type and nothing else. Fortran order is converted.
Array parse_npy(std::span<const std::uint8_t> bytes, const std::string& origin);
/// What a file begins with; the elements follow.
std::string npy_header(DType dtype, std::span<const std::size_t> shape);
/// The same bytes as numpy.save writes.
Bytes npy_bytes(const Array& array);

Array read_npy(const std::filesystem::path& path);
void write_npy(const std::filesystem::path& path, const Array& array);

}  // namespace equibolt
