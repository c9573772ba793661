#include "io/configurations_file.h"

#include <algorithm>
#include <string>

#include "equibolt/error.h"
#include "io/npz.h"

namespace equibolt {
namespace {

Array read_array(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path);
  const bool is_zip = bytes.size() >= 2 && bytes[0] == 'P' && bytes[1] == 'K';
  if (!is_zip) return parse_npy(bytes, path.string());
  Npz npz = parse_npz(bytes, path.string());
  [[maybe_unused]] const Array& there = npz["x"];
  return std::move(npz.arrays["x"]);
}

void check_shape(const Array& array, std::size_t particles, std::size_t dim) {
  const auto& shape = array.shape;
  const bool flat = shape.size() == 2 && shape[1] == particles * dim;
  const bool full = shape.size() == 3 && shape[1] == particles && shape[2] == dim;
  if (!flat && !full) {
    throw DataError("{}: shape (B, {}, {}) or (B, {}) expected ({} particles in {} dimensions), {} found",
                    array.origin, particles, dim, particles * dim, particles, dim, shape_text(shape));
  }
  if (shape[0] == 0) throw DataError("{}: no configurations", array.origin);
  if (array.dtype != DType::f4 && array.dtype != DType::f8) {
    throw DataError("{}: float32 or float64 expected, {} found", array.origin, name_of(array.dtype));
  }
}

bool is_constant(ConfigurationsView<const double> x) {
  const auto values = x.values();
  const bool one_number = x.size() > 1 && std::all_of(values.begin(), values.end(),
                                                      [&](double value) { return value == values[0]; });
  bool one_configuration = x.count() > 1;
  for (std::size_t b = 1; b < x.count() && one_configuration; ++b) {
    one_configuration = std::equal(x[b].begin(), x[b].end(), x[0].begin());
  }
  return one_number || one_configuration;
}

}  // namespace

Configurations<double> configurations_of(const Array& array, std::size_t particles, std::size_t dim) {
  check_shape(array, particles, dim);
  if (const auto bad = array.first_not_finite()) {
    throw DataError("{}: configuration {}, particle {}: a coordinate is not finite", array.origin,
                    *bad / (particles * dim), *bad % (particles * dim) / dim);
  }
  Configurations<double> x(array.shape[0], particles, dim);
  const std::vector<double> values = array.as_double();
  std::copy(values.begin(), values.end(), x.values().begin());
  return x;
}

Configurations<double> read_configurations(const std::filesystem::path& path, std::size_t particles,
                                           std::size_t dim) {
  const Array array = read_array(path);
  Configurations<double> x = configurations_of(array, particles, dim);
  if (is_constant(x)) {
    throw DataError("{}: all of the {} configurations hold the same numbers", array.origin, x.count());
  }
  return x;
}

}  // namespace equibolt
