#pragma once

#include "egnn/cuda/half_tile.h"

/// Products over the rows, G (H, H + 1) = Σ_rows x ⊗ [y, 1], which weights' gradients are: warps leave their
/// rows in shared memory, in parts of bf16 or in half precision, and then each takes some rows of G.
namespace EQUIBOLT_CUDA_NAMESPACE {

/// Of `Warps` warps' rows, S parts of (16 Warps, H + 8) numbers; the last eight keep the lanes that read a
/// block of 8×8 in different banks.
template <int H, int S, int Warps>
struct Staged {
  static constexpr int rows = 16 * Warps;
  static constexpr int stride = H + 8;
  static constexpr int part = rows * stride;
  static constexpr std::size_t bytes = sizeof(std::uint16_t) * S * part;
  std::uint16_t* at;

  /// The warp's 16 rows.
  EQUIBOLT_DEVICE void set(const HalfTile<H>& x) const {
    const int block = lane_index() / 8, r = lane_index() % 8;
    std::uint16_t* const to = at + (16 * warp_index() + 8 * (block % 2) + r) * stride + 8 * (block / 2);
#pragma unroll
    for (int n = 0; n < H / 16; ++n) {
      const std::uint32_t blocks[4] = {x.v[2 * n][0], x.v[2 * n][1], x.v[2 * n + 1][0], x.v[2 * n + 1][1]};
      store_blocks(blocks, to + 16 * n);
    }
  }
  /// 16 rows from `row` of the columns 16 n …, part s, as the right operand of two products: words 0 and 1, 2
  /// and 3.
  EQUIBOLT_DEVICE void load_right(std::uint32_t (&b)[4], int s, int row, int n) const {
    const int block = lane_index() / 8, r = lane_index() % 8;
    load_transposed(b, at + s * part + (row + 8 * (block % 2) + r) * stride + 16 * n + 8 * (block / 2));
  }
  EQUIBOLT_DEVICE void set(const Tile<H>& x) const {
    const int row = 16 * warp_index() + lane_row();
#pragma unroll
    for (int n = 0; n < H / 8; ++n) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        std::uint32_t parts[S];
        split(x.v[n][2 * half], x.v[n][2 * half + 1], parts);
#pragma unroll
        for (int s = 0; s < S; ++s) {
          *reinterpret_cast<std::uint32_t*>(at + s * part + (row + 8 * half) * stride + 8 * n +
                                            lane_column()) = parts[s];
        }
      }
    }
  }
};

/// Of two such products a warp has `tiles` times 16 rows of one; the columns H … H + 7 hold Σ x and zeros.
template <int H, int Warps>
struct OuterSums {
  static constexpr int tiles = 2 * (H / 16) / Warps;
  static constexpr int columns = H + 8;
  static constexpr int size = H * columns;  ///< of one product in memory
  float v[tiles][columns / 8][4];

  template <bool Halves>
  EQUIBOLT_DEVICE static void accumulate(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                         std::uint32_t b1) {
    if constexpr (Halves) {
      multiply_add_halves(d, a, b0, b1);
    } else {
      multiply_add(d, a, b0, b1);
    }
  }

  EQUIBOLT_DEVICE static int product() { return warp_index() / (Warps / 2); }
  EQUIBOLT_DEVICE static int first_row() { return warp_index() % (Warps / 2) * tiles * 16; }

  EQUIBOLT_DEVICE void set_zero() {
#pragma unroll
    for (int m = 0; m < tiles; ++m) {
#pragma unroll
      for (int n = 0; n < columns / 8; ++n) {
#pragma unroll
        for (int e = 0; e < 4; ++e) v[m][n][e] = 0;
      }
    }
  }

  /// Adds what is staged, x and y being this warp's product.
  /// `Halves`: in half precision, not bf16.
  template <bool Halves = false, int S>
  EQUIBOLT_DEVICE void add(const Staged<H, S, Warps>& x, const Staged<H, S, Warps>& y) {
    using Rows = Staged<H, S, Warps>;
    const int block = lane_index() / 8, r = lane_index() % 8;
#pragma unroll 1
    for (int row = 0; row < Rows::rows; row += 16) {
      std::uint32_t a[tiles][S][4];
#pragma unroll
      for (int m = 0; m < tiles; ++m) {
#pragma unroll
        for (int s = 0; s < S; ++s) {
          load_transposed(a[m][s], x.at + s * Rows::part + (row + 8 * (block / 2) + r) * Rows::stride +
                                       first_row() + 16 * m + 8 * (block % 2));
        }
      }
#pragma unroll
      for (int n = 0; n < H / 16; ++n) {
        std::uint32_t b[S][4];
#pragma unroll
        for (int s = 0; s < S; ++s) y.load_right(b[s], s, row, n);
#pragma unroll
        for (int m = 0; m < tiles; ++m) {
#pragma unroll
          for (int order = S - 1; order >= 0; --order) {
#pragma unroll
            for (int s = 0; s <= order; ++s) {
              accumulate<Halves>(v[m][2 * n], a[m][s], b[order - s][0], b[order - s][1]);
              accumulate<Halves>(v[m][2 * n + 1], a[m][s], b[order - s][2], b[order - s][3]);
            }
          }
        }
      }
      // The last eight columns of y are [1, 0, …].
      const std::uint32_t ones = lane_row() == 0 ? (Halves ? 0x3c003c00U : 0x3f803f80U) : 0U;
#pragma unroll
      for (int m = 0; m < tiles; ++m) {
#pragma unroll
        for (int s = S - 1; s >= 0; --s) accumulate<Halves>(v[m][H / 8], a[m][s], ones, ones);
      }
    }
  }

  /// Adds to the two products (2, H, H + 8) in memory.
  EQUIBOLT_DEVICE void add_to(float* sums) const {
    float* const to = sums + product() * size;
#pragma unroll
    for (int m = 0; m < tiles; ++m) {
      const int row = first_row() + 16 * m + lane_row();
#pragma unroll
      for (int n = 0; n < columns / 8; ++n) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          to[(row + 8 * (e / 2)) * columns + 8 * n + lane_column() + e % 2] += v[m][n][e];
        }
      }
    }
  }
};

}  // namespace EQUIBOLT_CUDA_NAMESPACE
