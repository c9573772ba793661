#pragma once

#include <cstddef>
#include <filesystem>

#include "equibolt/configurations.h"
#include "io/npy.h"

namespace equibolt {

/// The configurations that an array of shape (B, N, D) or (B, N·D) holds, float32 or float64. Throws
/// DataError: no configurations, another shape, a number that is not finite.
Configurations<double> configurations_of(const Array& array, std::size_t particles, std::size_t dim);

/// Configurations from an .npy file, or from the array "x" of an .npz file, of shape (B, N, D) or (B, N·D)
/// and float32 or float64. Throws IoError or DataError: empty, not N·D wide, a number that is not finite, or
/// data that is constant (all numbers, or all of several configurations, the same), which no simulation
/// gives.
Configurations<double> read_configurations(const std::filesystem::path& path, std::size_t particles,
                                           std::size_t dim);

}  // namespace equibolt
