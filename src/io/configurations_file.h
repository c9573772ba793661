#pragma once

#include <cstddef>
#include <filesystem>

#include "core/configurations.h"

namespace equibolt {

/// Configurations from an .npy file, or from the array "x" of an .npz file, of shape (B, N, D) or (B, N·D)
/// and float32 or float64. Throws IoError or DataError: empty, not N·D wide, a number that is not finite, or
/// data that is constant (all numbers, or all of several configurations, the same), which no simulation
/// gives.
Configurations<double> read_configurations(const std::filesystem::path& path, std::size_t particles,
                                           std::size_t dim);

}  // namespace equibolt
