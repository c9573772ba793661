#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

#include "core/aligned.h"
#include "core/sanitizers.h"

#ifdef EQUIBOLT_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

/// One allocation that a worker's arrays lie in.
namespace equibolt::cpu {

/// Arrays are padded to a multiple of the widest vectors.
inline constexpr std::size_t lane_multiple = 16;

inline std::size_t padded(std::size_t n, std::size_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

class Arena {
 public:
  /// The numbers that the arrays asked for by `lay_out(take)` need, take(count) being a float* of an array;
  /// here null.
  template <typename LayOut>
  static std::size_t size_of(const LayOut& lay_out) {
    std::size_t size = 0;
    lay_out([&size](std::size_t count) -> float* {
      size += padded(count, lane_multiple) + gap;
      return nullptr;
    });
    return size;
  }

  /// Makes the arrays. All begin aligned and filled with NaN, so that what is read before it is written is
  /// seen in the results; with the address sanitizer there is forbidden memory between them.
  template <typename LayOut>
  void make(const LayOut& lay_out) {
    const std::size_t size = size_of(lay_out);
    memory_ = allocate_aligned<float>(size);
    std::fill_n(memory_.get(), size, std::numeric_limits<float>::quiet_NaN());
    float* next = memory_.get();
    lay_out([&next](std::size_t count) {
      float* const taken = next;
      next += padded(count, lane_multiple);
      forbid(next);
      next += gap;
      return taken;
    });
  }

 private:
#ifdef EQUIBOLT_ADDRESS_SANITIZER
  static constexpr std::size_t gap = 4 * lane_multiple;
  static void forbid(float* from) {
    __asan_poison_memory_region(from, gap * sizeof(float));
  }
#else
  static constexpr std::size_t gap = 0;
  static void forbid(float*) {}
#endif

  AlignedArray<float> memory_;
};

}  // namespace equibolt::cpu
