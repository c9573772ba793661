#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

#include "equibolt/configurations.h"
#include "io/npy.h"

namespace equibolt {

/// The configurations that an array of shape (B, N, D) or (B, N·D) holds, float32 or float64. Throws
/// DataError: no configurations, another shape, a number that is not finite.
Configurations<double> configurations_of(const Array& array, std::size_t particles, std::size_t dim);

/// Configurations from an .npy file, or from the array "x" of an .npz file, whose other arrays are not looked
/// at, of shape (B, N, D) or (B, N·D) and float32 or float64. Throws IoError or DataError: empty, not N·D
/// wide, a number that is not finite, or data that is constant (all numbers, or all of several
/// configurations, the same), which no simulation gives. `warn` is told of doubtful data: a single
/// configuration, or coordinates so far from the origin that float32 resolves them badly (rounding_of).
Configurations<double> read_configurations(const std::filesystem::path& path, std::size_t particles,
                                           std::size_t dim,
                                           const std::function<void(const std::string&)>& warn = {});

/// How coarse the numbers are that hold x (B, N, D).
struct Rounding {
  double spacing = 0;   ///< of neighbouring float32 numbers at the coordinate farthest from zero
  double distance = 0;  ///< the shortest between two particles
  double farthest = 0;  ///< that coordinate's absolute value
  /// Distances are then off by more than about a thousandth.
  bool matters() const { return spacing > 1e-3 * distance; }
};
/// Of some configurations, evenly over x.
Rounding rounding_of(ConfigurationsView<const double> x);

}  // namespace equibolt
