#pragma once

#include "egnn/cuda/backward.h"
#include "egnn/cuda/half_message.h"

/// The sums over edges that the backward pass of half_edges.h leaves, but for those of matrices (staging.h).
namespace EQUIBOLT_CUDA_NAMESPACE {

/// Sums over edges of vectors (H,), each with a weight of its edge: row m of the left operand has weights m
/// of the 16 edges. A lane has of row g the columns 8 n + 2 q and the next.
template <int H>
struct WeightedSums {
  /// What is summed, in the order of rows; distances in two parts.
  enum Row { kRowCotQ, kRowSecondCotQ, kRowC2, kRowAtt, kRowD2, kRowD2Input, kRowD2Small, kRowD2InputSmall };
  float v[H / 8][2];

  EQUIBOLT_DEVICE static std::uint32_t only(bool mine, std::uint32_t word) { return mine ? word : 0U; }

  /// The tensor cores' sums over the warp's rows, begun by 0 or by what is in `sums`.
  template <typename Rows>
  EQUIBOLT_DEVICE static void add_product(float (&sums)[2][4], const std::uint32_t (&weights)[2],
                                          const Rows& rows, int n) {
    const std::uint32_t a[4] = {weights[0], 0, weights[1], 0};
    std::uint32_t right[4];
    rows.load_right(right, 0, 16 * warp_index(), n);
    multiply_add_halves(sums[0], a, right[0], right[1]);
    multiply_add_halves(sums[1], a, right[2], right[3]);
  }

  EQUIBOLT_DEVICE void add(int n, const float (&sums)[2][4]) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      v[2 * n + half][0] += sums[half][0];
      v[2 * n + half][1] += sums[half][1];
    }
  }

  /// Of c₂: silu(z₃) in `rows`, the cotangent of its product with c₂.
  template <typename Rows>
  EQUIBOLT_DEVICE void add_c2(Pair cot_y, const Rows& rows) {
    std::uint32_t weights[2];
    gather_weights(halves(cot_y.low, cot_y.high), 0, weights);
    const bool mine = lane_row() == kRowC2;
    weights[0] = only(mine, weights[0]);
    weights[1] = only(mine, weights[1]);
#pragma unroll
    for (int n = 0; n < H / 16; ++n) {
      float sums[2][4];
      set_zero(sums);
      add_product(sums, weights, rows, n);
      add(n, sums);
    }
  }

  /// Of w and w′ by z̄₁ in `rows`, of att by the gated message. Lanes of kRowCotQ and kRowSecondCotQ leave Σ_i
  /// z̄₁, with their `ones` as weights, in cot_q (H,) if that is not null.
  template <typename Rows>
  EQUIBOLT_DEVICE void add_rest(const HalfDistances& d2, const Rows& rows, Pair cot_gate, const Rows& gated,
                                const std::uint32_t (&ones)[2], float* cot_q) {
    const int row = lane_row(), part = lane_index() & 3;
    const bool small = part >= 2;
    std::uint32_t weights[2], of_gated[2];
    gather_weights(permute(small ? d2.small[0] : d2.large[0], small ? d2.small[1] : d2.large[1],
                           part % 2 == 0 ? 0x5410 : 0x7632),
                   row & 3, weights);
    gather_weights(halves(cot_gate.low, cot_gate.high), 0, of_gated);
#pragma unroll
    for (int k = 0; k < 2; ++k) {
      weights[k] = row <= kRowSecondCotQ ? ones[k] : only(row >= kRowD2, weights[k]);
      of_gated[k] = only(row == kRowAtt, of_gated[k]);
    }
#pragma unroll
    for (int n = 0; n < H / 16; ++n) {
      float sums[2][4];
      set_zero(sums);
      add_product(sums, weights, rows, n);
      add_product(sums, of_gated, gated, n);
      add(n, sums);
      if (cot_q != nullptr) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          float* const to = cot_q + 16 * n + 8 * half + lane_column();
          to[0] = sums[half][0];
          to[1] = sums[half][1];
        }
      }
    }
  }

  /// Adds to w, w′, att and c₂ (4, H).
  EQUIBOLT_DEVICE void add_to(float* vectors) const {
    const int row = lane_row();
    const int vector = row == kRowD2        ? 0
                       : row == kRowD2Input ? 1
                       : row == kRowAtt     ? 2
                       : row == kRowC2      ? 3
                                            : -1;
#pragma unroll
    for (int n = 0; n < H / 8; ++n) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const float small = exchange(v[n][e], 4 * (kRowD2Small - kRowD2));
        if (vector >= 0)
          vectors[vector * H + 8 * n + lane_column() + e] += v[n][e] + (row >= kRowD2 ? small : 0);
      }
    }
  }
};

/// Where a warp's tile leaves its sums over i for each j: of its first sample, and of its second where it has
/// one.
template <int H>
struct PartsOfTile {
  int first;  ///< of the places of the first sample, j = 0; -1 where there is no tile
  int particles, split;
  std::uint32_t
      weights[2];  ///< for lanes of rows kRowCotQ and kRowSecondCotQ: ones where the rows are of that sample

  EQUIBOLT_DEVICE PartsOfTile(const Batch& b, int tile, const RowTile& rows)
      : first(rows.there ? (b.dense ? 2 * tile : tile) * b.particles : -1),
        particles(b.particles),
        split(rows.split) {
    const bool second = lane_row() != 0;
#pragma unroll
    for (int k = 0; k < 2; ++k) {
      const int row = lane_column() + 8 * k;
      weights[k] =
          ((row < split) != second ? 0x3c00U : 0U) | ((row + 1 < split) != second ? 0x3c000000U : 0U);
    }
  }

  /// What the lane's row of sums is added up for, or null.
  EQUIBOLT_DEVICE float* of_q(const EdgeCotangents& parts, int j) const {
    const int row = lane_row();
    const bool second = row == WeightedSums<H>::kRowSecondCotQ && split < 16;
    if (first < 0 || (row != WeightedSums<H>::kRowCotQ && !second)) return nullptr;
    return parts.q + static_cast<std::size_t>(first + (second ? particles + j : j)) * H;
  }

  /// Coordinate k of the sums over i of the cotangents of x_i − x_j, of the layer's and of the input's.
  EQUIBOLT_DEVICE void set_positions(const EdgeCotangents& parts, int j, int k, const float (&cot_r)[2],
                                     const float (&cot_r0)[2]) const {
    const bool low_first = lane_row() < split, high_first = lane_row() + 8 < split;
    const auto sum = [&](const float(&rows)[2], bool second) {
      return (low_first != second ? rows[0] : 0) + (high_first != second ? rows[1] : 0);
    };
    const float of_first[2] = {sum(cot_r, false), sum(cot_r0, false)},
                of_next[2] = {sum(cot_r, true), sum(cot_r0, true)};
    // Each exchange leaves a lane half as many sums: bit 4 says which array, bit 8 which sample.
    const bool input = (lane_index() & 4) != 0, of_second = (lane_index() & 8) != 0;
    const float kept_first =
        (input ? of_first[1] : of_first[0]) + exchange(input ? of_first[0] : of_first[1], 4);
    const float kept_second =
        (input ? of_next[1] : of_next[0]) + exchange(input ? of_next[0] : of_next[1], 4);
    float kept = (of_second ? kept_second : kept_first) + exchange(of_second ? kept_first : kept_second, 8);
    kept += exchange(kept, 16);
    if (first < 0 || lane_index() >= 16 || (of_second && split == 16)) return;
    (input ? parts.x0 : parts.x)[first + (of_second ? particles + j : j)].v[k] = kept;
  }
};

}  // namespace EQUIBOLT_CUDA_NAMESPACE
