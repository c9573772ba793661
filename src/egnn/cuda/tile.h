#pragma once

#include "egnn/cuda/device.h"

/// What a warp does with 16 rows of H features: rows are edges or particles. The tensor cores multiply bf16
/// numbers and add in float32; a float is split into three of them, x = x₁ + x₂ + x₃ with 8 bits each, and of
/// the nine products of two such numbers the six of order 2^-16 and larger are taken.
namespace EQUIBOLT_CUDA_NAMESPACE {

/// (16, H) numbers. Lane 4 g + q has of rows g and g + 8 the columns 8 n + 2 q and the one after: v[n] holds
/// (g, 2q), (g, 2q + 1), (g + 8, 2q), (g + 8, 2q + 1). That is both the product's result and, rounded, its
/// left operand, so that results feed the next product without leaving the registers.
template <int H>
struct Tile {
  float v[H / 8][4];
};

EQUIBOLT_DEVICE int lane_row() {
  return lane_index() >> 2;
}
/// The first of its columns among every eight.
EQUIBOLT_DEVICE int lane_column() {
  return 2 * (lane_index() & 3);
}

template <int H>
EQUIBOLT_DEVICE void set_zero(Tile<H>& x) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 4; ++e) x.v[n][e] = 0;
  }
}

/// Each row the same vector (H,).
template <int H>
EQUIBOLT_DEVICE void set_rows(Tile<H>& x, const float* vector) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
    const float* const at = vector + 8 * n + lane_column();
    x.v[n][0] = x.v[n][2] = at[0];
    x.v[n][1] = x.v[n][3] = at[1];
  }
}

/// Rows `low` and `high` of an array in memory are the lane's two.
template <int H>
EQUIBOLT_DEVICE void load(Tile<H>& x, const float* low, const float* high) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
    const int c = 8 * n + lane_column();
    x.v[n][0] = low[c];
    x.v[n][1] = low[c + 1];
    x.v[n][2] = high[c];
    x.v[n][3] = high[c + 1];
  }
}

template <int H>
EQUIBOLT_DEVICE void store(const Tile<H>& x, float* low, bool store_low, float* high, bool store_high) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
    const int c = 8 * n + lane_column();
    if (store_low) {
      low[c] = x.v[n][0];
      low[c + 1] = x.v[n][1];
    }
    if (store_high) {
      high[c] = x.v[n][2];
      high[c + 1] = x.v[n][3];
    }
  }
}

EQUIBOLT_DEVICE float bf16_low(std::uint32_t pair) {
  return __builtin_bit_cast(float, pair << 16);
}
EQUIBOLT_DEVICE float bf16_high(std::uint32_t pair) {
  return __builtin_bit_cast(float, pair & 0xffff0000U);
}

/// The S parts of two floats.
template <int S>
EQUIBOLT_DEVICE void split(float low, float high, std::uint32_t (&parts)[S]) {
#pragma unroll
  for (int s = 0; s < S; ++s) {
    parts[s] = bf16_pair(low, high);
    low -= bf16_low(parts[s]);
    high -= bf16_high(parts[s]);
  }
}

/// Of a float32, for a product as exact as its own.
constexpr int parts_of_float = 3;
/// Of particles' float32 where edges are in half precision: products to 2⁻¹⁶.
constexpr int parts_beside_halves = 2;

/// Columns 16 k … of a tile as the left operand.
template <int S, int H>
EQUIBOLT_DEVICE void left_operand(const Tile<H>& x, int k, std::uint32_t (&a)[S][4]) {
#pragma unroll
  for (int r = 0; r < 4; ++r) {
    std::uint32_t parts[S];
    split(x.v[2 * k + r / 2][2 * (r % 2)], x.v[2 * k + r / 2][2 * (r % 2) + 1], parts);
#pragma unroll
    for (int s = 0; s < S; ++s) a[s][r] = parts[s];
  }
}

/// Words of 16 bytes in one part of a packed (K, N) right operand.
constexpr int packed_size(int k, int n) {
  return k * n / 8;
}

/// y (16, N) += x (16, K) times a packed right operand, both in S parts: word ((part K/16 + k) N/16 + n) 32 +
/// lane has the lane's numbers of the rows 16 k … and columns 16 n …. The tensor cores round their sums
/// towards zero; so large terms are added up apart from small ones, and both to y by ordinary additions.
template <int S = parts_of_float, int K, int N>
EQUIBOLT_DEVICE void add_product(Tile<N>& y, const Tile<K>& x, const Lanes4* packed) {
  std::uint32_t a[K / 16][S][4];
#pragma unroll
  for (int k = 0; k < K / 16; ++k) left_operand(x, k, a[k]);
#pragma unroll
  for (int n = 0; n < N / 16; ++n) {
    float large[2][4] = {}, small[2][4] = {};
#pragma unroll
    for (int k = 0; k < K / 16; ++k) {
      Lanes4 b[S];
#pragma unroll
      for (int s = 0; s < S; ++s)
        b[s] = load4(packed + ((s * (K / 16) + k) * (N / 16) + n) * 32 + lane_index());
      multiply_add(large[0], a[k][0], b[0].x, b[0].y);
      multiply_add(large[1], a[k][0], b[0].z, b[0].w);
#pragma unroll
      for (int order = S - 1; order > 0; --order) {
#pragma unroll
        for (int s = 0; s <= order; ++s) {
          multiply_add(small[0], a[k][s], b[order - s].x, b[order - s].y);
          multiply_add(small[1], a[k][s], b[order - s].z, b[order - s].w);
        }
      }
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int e = 0; e < 4; ++e) y.v[2 * n + half][e] += large[half][e] + small[half][e];
    }
  }
}

/// Two numbers of a lane, one for each of its rows.
struct Pair {
  float low, high;
};

/// The sum over a row's columns, which are in four lanes.
EQUIBOLT_DEVICE Pair row_sum(Pair p) {
#pragma unroll
  for (int mask = 1; mask <= 2; mask *= 2) {
    p.low += exchange(p.low, mask);
    p.high += exchange(p.high, mask);
  }
  return p;
}

/// Each row's product with a vector (H,).
template <int H>
EQUIBOLT_DEVICE Pair row_product(const Tile<H>& x, const float* vector) {
  Pair sum{0, 0};
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
    const float* const at = vector + 8 * n + lane_column();
    sum.low += x.v[n][0] * at[0] + x.v[n][1] * at[1];
    sum.high += x.v[n][2] * at[0] + x.v[n][3] * at[1];
  }
  return row_sum(sum);
}

template <int H>
EQUIBOLT_DEVICE Pair row_product(const Tile<H>& x, const Tile<H>& y) {
  Pair sum{0, 0};
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
    sum.low += x.v[n][0] * y.v[n][0] + x.v[n][1] * y.v[n][1];
    sum.high += x.v[n][2] * y.v[n][2] + x.v[n][3] * y.v[n][3];
  }
  return row_sum(sum);
}

/// Sums over rows, scattered: of the H sums a lane keeps those of columns ColumnSum::column(p) and the next.
template <int H>
struct ColumnSum {
  static constexpr int pairs = H >= 64 ? H / 64 : 1;
  float v[pairs][2];

  EQUIBOLT_DEVICE static int column(int p) {
    const int lane = lane_index();
    int n = 0;  // each halving of H/8 by a bit of the lane
    int count = H / 8;
#pragma unroll
    for (int bit = 16; bit >= 4; bit /= 2) {
      if (count > 1) {
        count /= 2;
        if ((lane & bit) != 0) n += count;
      }
    }
    return 8 * (n + p) + lane_column();
  }
};

/// Σ_rows weight · x.
template <int H>
EQUIBOLT_DEVICE ColumnSum<H> column_sum(const Tile<H>& x, Pair weight) {
  float s[H / 8][2];
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
    s[n][0] = weight.low * x.v[n][0] + weight.high * x.v[n][2];
    s[n][1] = weight.low * x.v[n][1] + weight.high * x.v[n][3];
  }
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
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          const float given = upper ? s[n][e] : s[n + count][e];
          const float kept = upper ? s[n + count][e] : s[n][e];
          s[n][e] = kept + exchange(given, bit);
        }
      }
    } else {
#pragma unroll
      for (int e = 0; e < 2; ++e) s[0][e] += exchange(s[0][e], bit);
    }
  }
  ColumnSum<H> sum;
#pragma unroll
  for (int p = 0; p < ColumnSum<H>::pairs; ++p) {
    sum.v[p][0] = s[p][0];
    sum.v[p][1] = s[p][1];
  }
  return sum;
}

template <int H>
EQUIBOLT_DEVICE void add(ColumnSum<H>& sum, const ColumnSum<H>& term) {
#pragma unroll
  for (int p = 0; p < ColumnSum<H>::pairs; ++p) {
    sum.v[p][0] += term.v[p][0];
    sum.v[p][1] += term.v[p][1];
  }
}

/// to[column] (+)= sum; for H = 32 two lanes write the same.
template <int H>
EQUIBOLT_DEVICE void store(const ColumnSum<H>& sum, float* to, bool accumulate) {
#pragma unroll
  for (int p = 0; p < ColumnSum<H>::pairs; ++p) {
    float* const at = to + ColumnSum<H>::column(p);
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const float before = accumulate ? at[e] : 0;
      synchronise_warp();  // before the other lane writes
      at[e] = before + sum.v[p][e];
    }
  }
}

/// The sum over all 16 rows of a number that the lanes of a row agree on.
EQUIBOLT_DEVICE float sum_of_rows(Pair p) {
  float sum = p.low + p.high;
#pragma unroll
  for (int mask = 4; mask <= 16; mask *= 2) sum += exchange(sum, mask);
  return sum;
}

EQUIBOLT_DEVICE float sigmoid(float z) {
  return fast_reciprocal(1 + exponential(-z));
}

/// z becomes silu(z).
template <int H>
EQUIBOLT_DEVICE void apply_silu(Tile<H>& z) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 4; ++e) z.v[n][e] *= sigmoid(z.v[n][e]);
  }
}

/// z becomes silu(z), slope its derivative.
template <int H>
EQUIBOLT_DEVICE void apply_silu(Tile<H>& z, Tile<H>& slope) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const float s = sigmoid(z.v[n][e]);
      const float a = z.v[n][e] * s;
      slope.v[n][e] = s + a * (1 - s);
      z.v[n][e] = a;
    }
  }
}

template <int H>
EQUIBOLT_DEVICE void multiply(Tile<H>& x, const Tile<H>& y) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 4; ++e) x.v[n][e] *= y.v[n][e];
  }
}

template <int H>
EQUIBOLT_DEVICE void multiply_rows(Tile<H>& x, Pair factor) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
    x.v[n][0] *= factor.low;
    x.v[n][1] *= factor.low;
    x.v[n][2] *= factor.high;
    x.v[n][3] *= factor.high;
  }
}

template <int H>
EQUIBOLT_DEVICE void multiply_columns(Tile<H>& x, const float* vector) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
    const float* const at = vector + 8 * n + lane_column();
    x.v[n][0] *= at[0];
    x.v[n][1] *= at[1];
    x.v[n][2] *= at[0];
    x.v[n][3] *= at[1];
  }
}

template <int H>
EQUIBOLT_DEVICE void add(Tile<H>& x, const Tile<H>& y) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 4; ++e) x.v[n][e] += y.v[n][e];
  }
}

/// x += factor ⊗ vector.
template <int H>
EQUIBOLT_DEVICE void add_outer(Tile<H>& x, Pair factor, const float* vector) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
    const float* const at = vector + 8 * n + lane_column();
    x.v[n][0] += factor.low * at[0];
    x.v[n][1] += factor.low * at[1];
    x.v[n][2] += factor.high * at[0];
    x.v[n][3] += factor.high * at[1];
  }
}

}  // namespace EQUIBOLT_CUDA_NAMESPACE
