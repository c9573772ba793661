#pragma once

#include "egnn/cuda/tile.h"

/// tile.h in half precision, for the edges' part of gradients: products of half-precision numbers with sums
/// in float32, and element by element two numbers at a time.
namespace EQUIBOLT_CUDA_NAMESPACE {

/// (16, H) numbers: v[n] holds, of rows g and g + 8, the columns 8 n + 2 q and the one after. It is a left
/// operand as it is.
template <int H>
struct HalfTile {
  std::uint32_t v[H / 8][2];
};

EQUIBOLT_DEVICE std::uint32_t both_halves(float value) {
  return halves(value, value);
}

/// A row's factor for both of its numbers in a word.
struct HalfPair {
  std::uint32_t v[2];
  EQUIBOLT_DEVICE explicit HalfPair(Pair p) : v{both_halves(p.low), both_halves(p.high)} {}
};

/// x times a packed right operand, two column tiles after another: `use(n, sums)` gets sums (2, 4), in
/// float32, of columns 16 n …, which begin as `begin(n, sums)` sets them.
template <int H, typename Begin, typename Use>
EQUIBOLT_DEVICE void multiply(const HalfTile<H>& x, const Lanes4* packed, const Begin& begin,
                              const Use& use) {
#pragma unroll
  for (int n = 0; n < H / 16; ++n) {
    float sums[2][4];
    begin(n, sums);
#pragma unroll
    for (int k = 0; k < H / 16; ++k) {
      const Lanes4 b = load4(packed + (k * (H / 16) + n) * 32 + lane_index());
      const std::uint32_t a[4] = {x.v[2 * k][0], x.v[2 * k][1], x.v[2 * k + 1][0], x.v[2 * k + 1][1]};
      multiply_add_halves(sums[0], a, b.x, b.y);
      multiply_add_halves(sums[1], a, b.z, b.w);
    }
    use(n, sums);
  }
}

EQUIBOLT_DEVICE void set_zero(float (&sums)[2][4]) {
#pragma unroll
  for (int e = 0; e < 8; ++e) sums[e / 4][e % 4] = 0;
}

template <int H>
EQUIBOLT_DEVICE void set_halves(HalfTile<H>& y, int n, const float (&sums)[2][4]) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    y.v[2 * n + half][0] = halves(sums[half][0], sums[half][1]);
    y.v[2 * n + half][1] = halves(sums[half][2], sums[half][3]);
  }
}

/// W x + bias.
template <int H>
EQUIBOLT_DEVICE HalfTile<H> affine(const HalfTile<H>& x, const Lanes4* packed, const float* bias) {
  HalfTile<H> y;
  multiply(
      x, packed,
      [&](int n, float(&sums)[2][4]) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const float* const at = bias + 16 * n + 8 * half + lane_column();
          sums[half][0] = sums[half][2] = at[0];
          sums[half][1] = sums[half][3] = at[1];
        }
      },
      [&](int n, const float(&sums)[2][4]) { set_halves(y, n, sums); });
  return y;
}

/// z becomes silu(z), slope its derivative.
template <int H, bool WithSlope>
EQUIBOLT_DEVICE void apply_silu(HalfTile<H>& z, HalfTile<H>& slope) {
  const std::uint32_t half = both_halves(0.5F), one = both_halves(1), minus = both_halves(-1);
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const std::uint32_t s =
          multiply_add_halves(tanh_of_halves(multiply_halves(z.v[n][e], half)), half, half);
      const std::uint32_t a = multiply_halves(z.v[n][e], s);
      if constexpr (WithSlope) slope.v[n][e] = multiply_add_halves(a, multiply_add_halves(s, minus, one), s);
      z.v[n][e] = a;
    }
  }
}

/// Each row's product with a vector (H/2,) of words.
template <int H>
EQUIBOLT_DEVICE Pair row_product(const HalfTile<H>& x, const std::uint32_t* vector) {
  std::uint32_t sum[2] = {0, 0};
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
    const std::uint32_t word = vector[4 * n + lane_column() / 2];
#pragma unroll
    for (int e = 0; e < 2; ++e) sum[e] = multiply_add_halves(x.v[n][e], word, sum[e]);
  }
  return row_sum(Pair{low_half(sum[0]) + high_half(sum[0]), low_half(sum[1]) + high_half(sum[1])});
}

template <int H>
EQUIBOLT_DEVICE Pair row_product(const HalfTile<H>& x, const HalfTile<H>& y) {
  std::uint32_t sum[2] = {0, 0};
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 2; ++e) sum[e] = multiply_add_halves(x.v[n][e], y.v[n][e], sum[e]);
  }
  return row_sum(Pair{low_half(sum[0]) + high_half(sum[0]), low_half(sum[1]) + high_half(sum[1])});
}

template <int H>
EQUIBOLT_DEVICE void multiply_rows(HalfTile<H>& x, const HalfPair& factor) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 2; ++e) x.v[n][e] = multiply_halves(x.v[n][e], factor.v[e]);
  }
}

/// Σ_rows weight · x, scattered as ColumnSum says.
template <int H>
EQUIBOLT_DEVICE ColumnSum<H> column_sum(const HalfTile<H>& x, Pair weight) {
  const HalfPair w(weight);
  std::uint32_t s[H / 8];
#pragma unroll
  for (int n = 0; n < H / 8; ++n)
    s[n] = multiply_add_halves(x.v[n][1], w.v[1], multiply_halves(x.v[n][0], w.v[0]));
  const int lane = lane_index();
  int count = H / 8;
#pragma unroll
  for (int bit = 16; bit >= 4; bit /= 2) {
    if (count > 1) {
      count /= 2;
      const bool upper = (lane & bit) != 0;
#pragma unroll
      for (int n = 0; n < H / 16; ++n) {
        if (n >= count) continue;
        const std::uint32_t given = upper ? s[n] : s[n + count];
        const std::uint32_t kept = upper ? s[n + count] : s[n];
        s[n] = add_halves(kept, exchange(given, bit));
      }
    } else {
      s[0] = add_halves(s[0], exchange(s[0], bit));
    }
  }
  ColumnSum<H> sum;
#pragma unroll
  for (int p = 0; p < ColumnSum<H>::pairs; ++p) {
    sum.v[p][0] = low_half(s[p]);
    sum.v[p][1] = high_half(s[p]);
  }
  return sum;
}

}  // namespace EQUIBOLT_CUDA_NAMESPACE
