#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "egnn/architecture.h"
#include "equibolt/configurations.h"
#include "equibolt/error.h"

/// What each implementation of VectorField asks of its arguments; all throw UsageError.
namespace equibolt {

inline const Architecture& checked(const Architecture& architecture) {
  if (architecture.types.empty() || architecture.dim == 0 || architecture.hidden == 0 ||
      architecture.layers == 0) {
    throw UsageError(
        "a vector field needs particles, dim, hidden and layers above 0, found {}, {}, {} and {}",
        architecture.particles(), architecture.dim, architecture.hidden, architecture.layers);
  }
  const int end = std::max(1, static_cast<int>(architecture.type_features));
  for (std::size_t i = 0; i < architecture.particles(); ++i) {
    const int type = architecture.types[i];
    if (type < 0 || type >= end) {
      throw UsageError("particle {} has type {}, expected one in [0, {})", i, type, end);
    }
  }
  return architecture;
}

inline void check_size(const char* name, std::size_t found, std::size_t expected) {
  if (found != expected) throw UsageError("{} has {} numbers, expected {}", name, found, expected);
}

template <typename T>
void check_shape(const Architecture& architecture, const char* name, ConfigurationsView<T> array,
                 std::size_t count) {
  if (array.count() == count && array.particles() == architecture.particles() &&
      array.dim() == architecture.dim) {
    return;
  }
  throw UsageError("{} has the shape ({}, {}, {}), expected ({}, {}, {})", name, array.count(),
                   array.particles(), array.dim(), count, architecture.particles(), architecture.dim);
}

inline void check_batch(const Architecture& architecture, std::span<const float> t,
                        ConfigurationsView<const float> x) {
  check_shape(architecture, "x", x, x.count());
  check_size("t", t.size(), x.count());
}

}  // namespace equibolt
