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

/// Of vectors (H,) of half-precision numbers, what a lane needs: word n has columns 8 n + 2 q and the next.
template <int H>
struct LaneWords {
  std::uint32_t v[H / 8];
  /// From an array (4, H/8): a row for each q.
  EQUIBOLT_DEVICE explicit LaneWords(const std::uint32_t* array) {
    const auto* const from = reinterpret_cast<const Lanes4*>(array) + (lane_index() & 3) * (H / 32);
#pragma unroll
    for (int k = 0; k < H / 32; ++k) {
      const Lanes4 words = from[k];
      v[4 * k] = words.x;
      v[4 * k + 1] = words.y;
      v[4 * k + 2] = words.z;
      v[4 * k + 3] = words.w;
    }
  }
};

/// x times a packed right operand, two column tiles after another: `use(n, sums)` gets sums (2, 4), in
/// float32, of columns 16 n …, which begin as `begin(n, sums)` sets them.
template <int H, bool Shared, typename Begin, typename Use>
EQUIBOLT_DEVICE void multiply(const HalfTile<H>& x, const Lanes4* packed, const Begin& begin,
                              const Use& use) {
#pragma unroll
  for (int n = 0; n < H / 16; ++n) {
    float sums[2][4];
    begin(n, sums);
#pragma unroll
    for (int k = 0; k < H / 16; ++k) {
      const Lanes4* const from = packed + (k * (H / 16) + n) * 32 + lane_index();
      const Lanes4 b = Shared ? *from : load4(from);
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
template <int H, bool Shared>
EQUIBOLT_DEVICE HalfTile<H> affine(const HalfTile<H>& x, const Lanes4* packed, const float* bias) {
  HalfTile<H> y;
  multiply<H, Shared>(
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

/// W x.
template <int H, bool Shared>
EQUIBOLT_DEVICE HalfTile<H> product(const HalfTile<H>& x, const Lanes4* packed) {
  HalfTile<H> y;
  multiply<H, Shared>(
      x, packed, [](int, float(&sums)[2][4]) { set_zero(sums); },
      [&](int n, const float(&sums)[2][4]) { set_halves(y, n, sums); });
  return y;
}

/// Half an argument, z/2, becomes silu(z) = z/2 (1 + tanh(z/2)); slope its derivative by z.
template <int H, bool WithSlope>
EQUIBOLT_DEVICE void apply_silu_to_half(HalfTile<H>& z, HalfTile<H>& slope) {
  const std::uint32_t half = both_halves(0.5F);
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const std::uint32_t x = z.v[n][e], t = tanh_of_halves(x);
      z.v[n][e] = multiply_add_halves(x, t, x);
      if constexpr (WithSlope) {  // σ + σ z (1 − σ), where σ = (1 + t)/2
        const std::uint32_t s = multiply_add_halves(t, half, half);
        slope.v[n][e] = multiply_add_halves(s, multiply_add_halves(negative_halves(x), t, x), s);
      }
    }
  }
}

/// Each row's products with two vectors: (g, even), (g, odd), (g + 8, even), (g + 8, odd). The vectors are
/// the even and odd columns of a right operand, so `words` are of the first in lanes with even g, of the
/// second in those with odd g.
template <int H>
EQUIBOLT_DEVICE void row_products(const HalfTile<H>& x, const LaneWords<H>& words, float (&products)[4]) {
  products[0] = products[1] = products[2] = products[3] = 0;
#pragma unroll
  for (int k = 0; k < H / 16; ++k) {
    const std::uint32_t a[4] = {x.v[2 * k][0], x.v[2 * k][1], x.v[2 * k + 1][0], x.v[2 * k + 1][1]};
    multiply_add_halves(products, a, words.v[2 * k], words.v[2 * k + 1]);
  }
}

/// Each row's product with one vector.
template <int H>
EQUIBOLT_DEVICE Pair row_product(const HalfTile<H>& x, const LaneWords<H>& words) {
  float products[4];
  row_products(x, words, products);
  return {products[0], products[2]};
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
EQUIBOLT_DEVICE void multiply(HalfTile<H>& x, const HalfTile<H>& y) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 2; ++e) x.v[n][e] = multiply_halves(x.v[n][e], y.v[n][e]);
  }
}

template <int H>
EQUIBOLT_DEVICE void multiply_rows(HalfTile<H>& x, const HalfPair& factor) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 2; ++e) x.v[n][e] = multiply_halves(x.v[n][e], factor.v[e]);
  }
}

/// The lane's word of the identity as a right operand (8, 8).
EQUIBOLT_DEVICE std::uint32_t identity_word() {
  return lane_row() == lane_column() ? 0x3c00U : lane_row() == lane_column() + 1 ? 0x3c000000U : 0U;
}

/// sums += x, by the tensor cores, for which a half tile is a left operand as it is.
template <int H>
EQUIBOLT_DEVICE void add(Tile<H>& sums, const HalfTile<H>& x, std::uint32_t identity) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) multiply_add_halves(sums.v[n], x.v[n], identity);
}

/// Weights of the 16 rows as a left operand's row, for sums over rows: a[0] has those of rows 2 q and 2 q +
/// 1, a[1] those 8 further. `packed` are a lane's own two, (g, g + 8); they are taken from lanes 4 g +
/// source.
EQUIBOLT_DEVICE void gather_weights(std::uint32_t packed, int source, std::uint32_t (&a)[2]) {
  const int first = 8 * (lane_index() & 3) + source;
  const std::uint32_t even = from_lane(packed, first), odd = from_lane(packed, first + 4);
  a[0] = permute(even, odd, 0x5410);
  a[1] = permute(even, odd, 0x7632);
}

}  // namespace EQUIBOLT_CUDA_NAMESPACE
