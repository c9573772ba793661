#pragma once

#include <cstddef>
#include <string_view>

#include "equibolt/error.h"

namespace equibolt {

/// More particles or dimensions are a mistake: a flow's cost grows as their square.
inline constexpr std::size_t kMostParticles = 100000, kMostDimensions = 1000;

/// Refuses systems without internal degrees of freedom, and those that no memory holds.
inline void require_shape(std::string_view system, std::size_t particles, std::size_t dim) {
  if (particles > kMostParticles) {
    throw UsageError("{}: expected at most {} particles, found {}", system, kMostParticles, particles);
  }
  if (dim > kMostDimensions) {
    throw UsageError("{}: expected at most {} dimensions, found {}", system, kMostDimensions, dim);
  }
  if (particles < 2) throw UsageError("{}: expected at least 2 particles, found {}", system, particles);
  if (dim < 1) throw UsageError("{}: expected at least 1 dimension, found {}", system, dim);
}

}  // namespace equibolt
