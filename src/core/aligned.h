#pragma once

#include <hwy/aligned_allocator.h>

#include <cstddef>
#include <new>

namespace equibolt {

template <typename T>
using AlignedArray = hwy::AlignedFreeUniquePtr<T[]>;

/// Uninitialised memory as vectors want it. Throws std::bad_alloc where there is none; Highway's own function
/// returns null. For rooms that link Highway.
template <typename T>
AlignedArray<T> allocate_aligned(std::size_t count) {
  auto memory = hwy::AllocateAligned<T>(count);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace equibolt
