#include "bench/peak.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "core/stopwatch.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/peak.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off
#include "hwy/aligned_allocator.h"
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace equibolt::bench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// `rounds` of 16 independent multiply-adds of whole vectors, and how many operations that was.
double multiply_add(std::size_t rounds, float* sum) {
  const hn::CappedTag<float, 16> d;
  constexpr std::size_t count = 16;
  hn::Vec<decltype(d)> sums[count];
#pragma GCC unroll 16
  for (std::size_t k = 0; k < count; ++k) sums[k] = hn::Set(d, static_cast<float>(k) + *sum);
  const auto factor = hn::Set(d, 0.5F * *sum);
  for (std::size_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (std::size_t k = 0; k < count; ++k) sums[k] = hn::MulAdd(sums[k], factor, factor);
  }
  auto total = sums[0];
#pragma GCC unroll 16
  for (std::size_t k = 1; k < count; ++k) total = hn::Add(total, sums[k]);
  *sum = hn::GetLane(total) * 1e-30F + 1;
  return 2.0 * static_cast<double>(rounds * count * hn::Lanes(d));
}

/// Adds up `count` numbers, a multiple of 128.
float read(const float* from, std::size_t count) {
  const hn::CappedTag<float, 16> d;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> sums[8];
#pragma GCC unroll 8
  for (auto& sum : sums) sum = hn::Zero(d);
  for (std::size_t at = 0; at < count; at += 8 * lanes) {
#pragma GCC unroll 8
    for (std::size_t k = 0; k < 8; ++k) sums[k] = hn::Add(sums[k], hn::Load(d, from + at + k * lanes));
  }
  auto total = sums[0];
#pragma GCC unroll 8
  for (std::size_t k = 1; k < 8; ++k) total = hn::Add(total, sums[k]);
  return hn::GetLane(total);
}

}  // namespace equibolt::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace equibolt::bench {
namespace {

HWY_EXPORT(multiply_add);
HWY_EXPORT(read);

/// `body` does some milliseconds' work and says how much. The best of a few times, in units of 1e9 per
/// second and over all threads: whatever disturbs makes it slower.
double best_rate(std::size_t threads, const std::function<double()>& body) {
  const auto one = [&] {
    body();
    double best = 0;
    for (int repeat = 0; repeat < 7; ++repeat) {
      const Stopwatch watch;
      const double done = body();
      best = std::max(best, 1e-9 * done / watch.seconds());
    }
    return best;
  };
  std::vector<double> rates(threads);
  std::vector<std::thread> others;
  for (std::size_t k = 1; k < threads; ++k) others.emplace_back([&, k] { rates[k] = one(); });
  rates[0] = one();
  for (std::thread& other : others) other.join();
  double sum = 0;
  for (const double rate : rates) sum += rate;
  return sum;
}

#if defined(__x86_64__)

/// Bit of a register that CPUID's leaf 7 returns: 0 to 3 for a, b, c, d.
bool cpuid_bit(unsigned subleaf, int which, int bit) {
  unsigned registers[4] = {};
  if (__get_cpuid_count(7, subleaf, &registers[0], &registers[1], &registers[2], &registers[3]) == 0)
    return false;
  return (registers[which] >> bit) & 1U;
}

bool has_avx512_bf16() {
  return __builtin_cpu_supports("avx512f") && cpuid_bit(1, 0, 5);
}

/// AMX with bfloat16, which Linux has to be asked for.
bool has_amx_bf16() {
  constexpr long request = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long tile_data = 18;
  return cpuid_bit(0, 3, 24) && cpuid_bit(0, 3, 22) && syscall(SYS_arch_prctl, request, tile_data) == 0;
}

__attribute__((target("avx512f,avx512bf16"))) double dot_products(std::size_t rounds) {
  constexpr int count = 16;
  __m512 sums[count];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  __m512i ones = _mm512_set1_epi32(0x3f803f80);  // pairs of 1
  for (std::size_t round = 0; round < rounds; ++round) {
    asm volatile("" : "+v"(ones));
#pragma GCC unroll 16
    for (int k = 0; k < count; ++k) sums[k] = _mm512_dpbf16_ps(sums[k], (__m512bh)ones, (__m512bh)ones);
  }
#pragma GCC unroll 16
  for (int k = 0; k < count; ++k) asm volatile("" : : "v"(sums[k]));
  return 4.0 * 16 * count * static_cast<double>(rounds);
}

struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t bytes_per_row[16] = {};
  std::uint8_t rows[16] = {};
};

/// 2×2 blocks of sums in tiles 0 … 3, their factors in 4 … 7.
__attribute__((target("amx-tile,amx-bf16"))) double tile_products(std::size_t rounds) {
  TileConfig config;
  for (int tile = 0; tile < 8; ++tile) {
    config.bytes_per_row[tile] = 64;
    config.rows[tile] = 16;
  }
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (std::size_t round = 0; round < rounds; ++round) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
  return 4.0 * 2 * 16 * 16 * 32 * static_cast<double>(rounds);
}

#endif  // x86

}  // namespace

double peak_fp32(std::size_t threads) {
  return best_rate(threads, [] {
    float sum = 1;
    return HWY_DYNAMIC_DISPATCH(multiply_add)(200000, &sum);
  });
}

double peak_bf16([[maybe_unused]] std::size_t threads) {
#if defined(__x86_64__)
  if (has_amx_bf16()) return best_rate(threads, [] { return tile_products(100000); });
  if (has_avx512_bf16()) return best_rate(threads, [] { return dot_products(200000); });
#endif
  return 0;
}

double read_bandwidth(std::size_t bytes) {
  const std::size_t count = std::max<std::size_t>(bytes / sizeof(float) / 128, 1) * 128;
  const auto memory = hwy::AllocateAligned<float>(count);
  std::fill_n(memory.get(), count, 1.0F);
  const std::size_t rounds = std::max<std::size_t>((std::size_t{64} << 20) / (count * sizeof(float)), 1);
  volatile float sink = 0;
  return best_rate(1, [&] {
    float sum = 0;
    for (std::size_t round = 0; round < rounds; ++round) {
      asm volatile("" : : "r"(memory.get()) : "memory");  // each round reads anew
      sum += HWY_DYNAMIC_DISPATCH(read)(memory.get(), count);
    }
    sink = sum;
    return static_cast<double>(rounds * count * sizeof(float));
  });
}

}  // namespace equibolt::bench
#endif  // HWY_ONCE
