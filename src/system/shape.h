#pragma once

#include <cstddef>
#include <string_view>

#include "equibolt/error.h"

namespace equibolt {

/// Refuses systems without internal degrees of freedom.
inline void require_shape(std::string_view system, std::size_t particles, std::size_t dim) {
  if (particles < 2) throw UsageError("{}: expected at least 2 particles, found {}", system, particles);
  if (dim < 1) throw UsageError("{}: expected at least 1 dimension, found {}", system, dim);
}

}  // namespace equibolt
