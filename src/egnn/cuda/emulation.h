#pragma once

#include <ucontext.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

/// device.h on the processor, for tests: one block at a time, a fiber for each of its threads, which gives
/// way to the next at every exchange between lanes. Slow. What it does not show: races within a warp that the
/// device runs out of step, and alignment.
#define EQUIBOLT_CUDA_NAMESPACE equibolt::cuda::inline emulated
#define EQUIBOLT_DEVICE inline
#define EQUIBOLT_HOST_DEVICE inline

namespace EQUIBOLT_CUDA_NAMESPACE {

struct Lanes4 {
  std::uint32_t x, y, z, w;
};

namespace emulation {

struct Exchange {  // of a warp: what its lanes bring, twice, as a lane may be one exchange ahead of another
  std::uint32_t words[2][32][8];
  std::uint64_t arrived = 0;
};

struct Fiber {
  ucontext_t context;
  std::vector<char> stack;
  std::uint64_t exchanges = 0;
  std::uint64_t barriers = 0;
  bool done = false;
};

struct Block {
  std::vector<Fiber> fibers;
  std::vector<Exchange> exchanges;
  std::vector<Lanes4> shared;
  std::uint64_t at_barrier = 0;
  ucontext_t scheduler;
  std::size_t current = 0;
  int index = 0, row = 0, count = 0;
  const std::function<void()>* body = nullptr;
};

inline Block*& block() {
  static Block* current = nullptr;
  return current;
}

inline Fiber& fiber() {
  return block()->fibers[block()->current];
}
inline void give_way() {
  swapcontext(&fiber().context, &block()->scheduler);
}

inline void enter() {
  Block& b = *block();
  (*b.body)();
  b.fibers[b.current].done = true;
  swapcontext(&b.fibers[b.current].context, &b.scheduler);
}

/// Brings `count` words and waits for the warp; what the lanes brought is at words[parity].
inline const std::uint32_t (*bring(const void* words, std::size_t count))[8] {
  Block& b = *block();
  Exchange& e = b.exchanges[b.current / 32];
  Fiber& f = fiber();
  const std::size_t parity = f.exchanges % 2;
  std::memcpy(e.words[parity][b.current % 32], words, 4 * count);
  ++e.arrived;
  ++f.exchanges;
  while (e.arrived < 32 * f.exchanges) give_way();
  return e.words[parity];
}

inline void run_block(Block& b) {
  block() = &b;
  for (Fiber& f : b.fibers) {
    f.done = false;
    f.exchanges = f.barriers = 0;
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack.data();
    f.context.uc_stack.ss_size = f.stack.size();
    f.context.uc_link = nullptr;
    makecontext(&f.context, enter, 0);
  }
  for (Exchange& e : b.exchanges) e.arrived = 0;
  b.at_barrier = 0;
  for (bool left = true; left;) {
    left = false;
    for (b.current = 0; b.current < b.fibers.size(); ++b.current) {
      if (b.fibers[b.current].done) continue;
      left = true;
      swapcontext(&b.scheduler, &b.fibers[b.current].context);
    }
  }
}

inline float bf16(std::uint32_t pair, int half) {
  return std::bit_cast<float>(half == 0 ? pair << 16 : pair & 0xffff0000U);
}

inline std::uint32_t rounded_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (x != x) return 0x7fc0;
  return (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
}

}  // namespace emulation

inline int thread_index() {
  return static_cast<int>(emulation::block()->current);
}
inline int lane_index() {
  return thread_index() % 32;
}
inline int warp_index() {
  return thread_index() / 32;
}
inline int block_index() {
  return emulation::block()->index;
}
inline int block_count() {
  return emulation::block()->count;
}
inline int block_row() {
  return emulation::block()->row;
}
inline void synchronise_block() {
  emulation::Block& b = *emulation::block();
  ++b.at_barrier;
  const std::uint64_t wanted = ++emulation::fiber().barriers * b.fibers.size();
  while (b.at_barrier < wanted) emulation::give_way();
}
inline void synchronise_warp() {
  const std::uint32_t nothing = 0;
  emulation::bring(&nothing, 1);
}
inline char* shared_memory() {
  return reinterpret_cast<char*>(emulation::block()->shared.data());
}
inline float exchange(float value, int mask) {
  const auto* all = emulation::bring(&value, 1);
  return std::bit_cast<float>(all[lane_index() ^ mask][0]);
}

inline float exponential(float x) {
  return std::exp(x);
}
inline float reciprocal(float x) {
  return 1 / x;
}
inline float fast_reciprocal(float x) {
  return 1 / x;
}
inline float square_root(float x) {
  return std::sqrt(x);
}
inline float fast_inverse_square_root(float x) {
  return 1 / std::sqrt(x);
}
inline float hyperbolic_tangent(float x) {
  return std::tanh(x);
}
inline std::uint32_t bf16_pair(float low, float high) {
  return emulation::rounded_bf16(low) | emulation::rounded_bf16(high) << 16;
}

inline void multiply_add(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
  const std::uint32_t words[6] = {a[0], a[1], a[2], a[3], b0, b1};
  const auto* all = emulation::bring(words, 6);
  const int g = lane_index() / 4, q = lane_index() % 4;
  for (int e = 0; e < 4; ++e) {
    const int row = g + 8 * (e / 2), column = 2 * q + e % 2;
    for (int k = 0; k < 16; ++k) {
      const int pair = k % 8 / 2, half = k % 2;
      d[e] += emulation::bf16(all[row % 8 * 4 + pair][row / 8 + 2 * (k / 8)], half) *
              emulation::bf16(all[column * 4 + pair][4 + k / 8], half);
    }
  }
}

/// IEEE's binary16, by integers: not every compiler has a type for it.
inline float half_of(std::uint32_t pair, int half) {
  const std::uint32_t bits = (half == 0 ? pair : pair >> 16) & 0xFFFFU;
  const std::uint32_t fraction = bits & 0x3FFU;
  const int exponent = static_cast<int>(bits >> 10 & 0x1FU);
  float value = std::ldexp(static_cast<float>(exponent == 0 ? fraction : fraction + 0x400U),
                           std::max(exponent, 1) - 25);
  if (exponent == 0x1F) value = fraction == 0 ? HUGE_VALF : std::nanf("");
  return (bits & 0x8000U) != 0 ? -value : value;
}
/// The nearest, ties to even.
inline std::uint32_t half_bits(float value) {
  const std::uint32_t sign = std::signbit(value) ? 0x8000U : 0U;
  const float size = std::abs(value);
  if (std::isnan(value)) return sign | 0x7E00U;
  if (size >= 65520) return sign | 0x7C00U;
  const int exponent = size < 0x1p-14F ? -14 : std::ilogb(size);
  const auto units = static_cast<std::uint32_t>(std::nearbyint(std::ldexp(size, 10 - exponent)));
  return sign | ((static_cast<std::uint32_t>(exponent + 14) << 10) + units);
}
inline std::uint32_t halves(float low, float high) {
  return half_bits(low) | half_bits(high) << 16;
}
inline float low_half(std::uint32_t pair) {
  return half_of(pair, 0);
}
inline float high_half(std::uint32_t pair) {
  return half_of(pair, 1);
}
inline std::uint32_t add_halves(std::uint32_t a, std::uint32_t b) {
  return halves(low_half(a) + low_half(b), high_half(a) + high_half(b));
}
inline std::uint32_t multiply_halves(std::uint32_t a, std::uint32_t b) {
  return halves(low_half(a) * low_half(b), high_half(a) * high_half(b));
}
inline std::uint32_t multiply_add_halves(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  return halves(low_half(a) * low_half(b) + low_half(c), high_half(a) * high_half(b) + high_half(c));
}
inline std::uint32_t negative_halves(std::uint32_t a) {
  return a ^ 0x80008000U;
}
inline std::uint32_t tanh_of_halves(std::uint32_t a) {
  return halves(std::tanh(low_half(a)), std::tanh(high_half(a)));
}
inline std::uint32_t exchange(std::uint32_t value, int mask) {
  return emulation::bring(&value, 1)[lane_index() ^ mask][0];
}
inline std::uint32_t from_lane(std::uint32_t value, int lane) {
  return emulation::bring(&value, 1)[lane][0];
}
inline std::uint32_t permute(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
  const std::uint64_t both = std::uint64_t{b} << 32 | a;
  std::uint32_t result = 0;
  for (unsigned k = 0; k < 4; ++k) {
    const auto byte = static_cast<std::uint32_t>(both >> (8 * (selector >> 4 * k & 7U)) & 0xffU);
    result |= byte << 8 * k;
  }
  return result;
}
inline void multiply_add_halves(float (&d)[4], const std::uint32_t (&a)[2], std::uint32_t b) {
  const std::uint32_t words[3] = {a[0], a[1], b};
  const auto* all = emulation::bring(words, 3);
  const int g = lane_index() / 4, q = lane_index() % 4;
  for (int e = 0; e < 4; ++e) {
    const int row = g + 8 * (e / 2), column = 2 * q + e % 2;
    for (int k = 0; k < 8; ++k) {
      d[e] += half_of(all[row % 8 * 4 + k / 2][row / 8], k % 2) * half_of(all[column * 4 + k / 2][2], k % 2);
    }
  }
}
inline void multiply_add_halves(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                std::uint32_t b1) {
  const std::uint32_t words[6] = {a[0], a[1], a[2], a[3], b0, b1};
  const auto* all = emulation::bring(words, 6);
  const int g = lane_index() / 4, q = lane_index() % 4;
  for (int e = 0; e < 4; ++e) {
    const int row = g + 8 * (e / 2), column = 2 * q + e % 2;
    for (int k = 0; k < 16; ++k) {
      const int pair = k % 8 / 2, half = k % 2;
      d[e] += half_of(all[row % 8 * 4 + pair][row / 8 + 2 * (k / 8)], half) *
              half_of(all[column * 4 + pair][4 + k / 8], half);
    }
  }
}

inline void load_transposed(std::uint32_t (&blocks)[4], const std::uint16_t* row) {
  const auto* all = emulation::bring(&row, 2);
  const int g = lane_index() / 4, q = lane_index() % 4;
  for (int m = 0; m < 4; ++m) {
    std::uint32_t halves[2];
    for (int half = 0; half < 2; ++half) {
      const std::uint16_t* from = nullptr;
      std::memcpy(&from, all[8 * m + 2 * q + half], sizeof from);
      halves[half] = from[g];
    }
    blocks[m] = halves[0] | halves[1] << 16;
  }
}

inline void store_blocks(const std::uint32_t (&blocks)[4], std::uint16_t* row) {
  const auto* all = emulation::bring(&row, 2);
  const int g = lane_index() / 4, q = lane_index() % 4;
  for (int m = 0; m < 4; ++m) {
    std::uint16_t* to = nullptr;
    std::memcpy(&to, all[8 * m + g], sizeof to);
    std::memcpy(to + 2 * q, &blocks[m], sizeof blocks[m]);
  }
}

inline Lanes4 load4(const Lanes4* p) {
  return *p;
}

struct Stream {};

template <typename Kernel>
void launch(const Kernel& kernel, std::size_t blocks, Stream, std::size_t rows = 1) {
  static emulation::Block block;  // with its stacks
  block.fibers.resize(Kernel::threads);
  for (auto& fiber : block.fibers) fiber.stack.resize(256 * 1024);
  block.exchanges.resize(Kernel::threads / 32);
  const std::function<void()> body = [&kernel] { kernel(); };
  block.body = &body;
  block.count = static_cast<int>(blocks);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t b = 0; b < blocks; ++b) {
      block.row = static_cast<int>(row);
      block.index = static_cast<int>(b);
      block.shared.assign(kernel.shared_bytes() / sizeof(Lanes4) + 1, Lanes4{~0U, ~0U, ~0U, ~0U});  // NaN
      emulation::run_block(block);
    }
  }
}

inline void* allocate_device(std::size_t bytes) {
  void* p = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(p, 0xff, bytes);  // NaN
  return p;
}
inline void free_device(void* p) {
  std::free(p);
}
inline void* allocate_pinned(std::size_t bytes) {
  return allocate_device(bytes);
}
inline void free_pinned(void* p) {
  std::free(p);
}
inline void copy_to_device(void* to, const void* from, std::size_t bytes, Stream) {
  std::memcpy(to, from, bytes);
}
inline void copy_to_host(void* to, const void* from, std::size_t bytes, Stream) {
  std::memcpy(to, from, bytes);
}
inline void clear(void* p, std::size_t bytes, Stream) {
  std::memset(p, 0, bytes);
}
inline void synchronise(Stream) {}
inline Stream make_stream() {
  return {};
}
inline void free_stream(Stream) {}
inline std::size_t processor_count() {
  return 2;
}

}  // namespace EQUIBOLT_CUDA_NAMESPACE
