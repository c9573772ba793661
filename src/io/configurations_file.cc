#include "io/configurations_file.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "equibolt/error.h"
#include "io/npz.h"

namespace equibolt {
namespace {

Array read_array(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path);
  const bool is_zip = bytes.size() >= 2 && bytes[0] == 'P' && bytes[1] == 'K';
  return is_zip ? parse_npz_array(bytes, path.string(), "x") : parse_npy(bytes, path.string());
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

Rounding rounding_of(ConfigurationsView<const double> x) {
  Rounding rounding;
  for (const double value : x.values()) rounding.farthest = std::max(rounding.farthest, std::abs(value));
  const auto narrow = static_cast<float>(rounding.farthest);
  rounding.spacing =
      static_cast<double>(std::nextafter(narrow, std::numeric_limits<float>::infinity()) - narrow);
  constexpr std::size_t most = 100;
  const std::size_t stride = std::max<std::size_t>(1, x.count() / most);
  double least_square = std::numeric_limits<double>::infinity();
  for (std::size_t b = 0; b < x.count(); b += stride) {
    for (std::size_t i = 0; i < x.particles(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        double square = 0;
        for (std::size_t d = 0; d < x.dim(); ++d) {
          const double difference = x[b][i * x.dim() + d] - x[b][j * x.dim() + d];
          square += difference * difference;
        }
        least_square = std::min(least_square, square);
      }
    }
  }
  rounding.distance = std::sqrt(least_square);
  return rounding;
}

Configurations<double> read_configurations(const std::filesystem::path& path, std::size_t particles,
                                           std::size_t dim,
                                           const std::function<void(const std::string&)>& warn) {
  const Array array = read_array(path);
  Configurations<double> x = configurations_of(array, particles, dim);
  if (is_constant(x)) {
    throw DataError("{}: all of the {} configurations hold the same numbers", array.origin, x.count());
  }
  if (!warn) return x;
  if (x.count() == 1) warn(fmt::format("{}: holds one configuration only", array.origin));
  const Rounding rounding = rounding_of(x.view());
  if (array.dtype == DType::f4 && rounding.matters()) {
    warn(fmt::format(
        "{}: coordinates reach {:.3g}, where float32 numbers are {:.2g} apart, but particles come as near as "
        "{:.2g}: their distances are rounded; save float64, or remove the centre of mass before saving",
        array.origin, rounding.farthest, rounding.spacing, rounding.distance));
  }
  return x;
}

}  // namespace equibolt
