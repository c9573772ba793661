#pragma once

#include <cstddef>

#include "egnn/cuda/weights.h"

/// What the kernels work on: a batch of B samples of N particles. Arrays per particle are (B·N, …), positions
/// have four numbers, the last ones zero. A *row tile* is 16 particles i: a warp works on the edges i←j from
/// its tile to one j after the other. They are of one sample, T = ⌈N/16⌉ of them a sample; or, where tiles
/// are dense, any 16 in a row, of two samples at most.
namespace EQUIBOLT_CUDA_NAMESPACE {

constexpr int max_dim = 3;

struct Position {
  float v[4];
};

struct Batch {
  int samples, particles, layers;
  int tiles;          ///< T
  const float* t;     ///< (B,)
  const Position* x;  ///< (B·N,)
  const int* types;   ///< (N,), or null
  Weights weights;
  float range;  ///< 15/L
  int dim;
  bool halves;  ///< edges are in half precision
  bool dense;   ///< row tiles go on from one sample to the next; N ≥ 15

  // What the forward pass leaves: a slice for each layer.
  float* h;     ///< (L, B·N, H) before the layer
  float* sums;  ///< (L, B·N, H): Σ_j of the gated messages
  float* p;     ///< (L, B·N, H): A h + b₁
  float* q;     ///< (L, B·N, H): B h, or half of it in the sum of two half-precision numbers
  Position* u;  ///< (L + 1, B·N): displacement x^l − x⁰

  EQUIBOLT_HOST_DEVICE int nodes() const { return samples * particles; }
  EQUIBOLT_HOST_DEVICE int row_tiles() const { return dense ? (nodes() + 15) / 16 : samples * tiles; }
  EQUIBOLT_HOST_DEVICE std::size_t at(int layer) const { return static_cast<std::size_t>(layer) * nodes(); }
};

/// What the row tiles of a sample leave for each j has places (parts, N): a part for each tile, or where
/// tiles are dense two, for its first and its second sample.
struct PartsOfSample {
  int count;
  EQUIBOLT_DEVICE PartsOfSample(const Batch& b, int sample) : dense(b.dense) {
    first_row = sample * b.particles;
    first_tile = dense ? first_row / 16 : sample * b.tiles;
    count = dense ? (first_row + b.particles - 1) / 16 - first_tile + 1 : b.tiles;
  }
  EQUIBOLT_DEVICE std::size_t operator[](int k) const {
    const int tile = first_tile + k;
    return static_cast<std::size_t>(dense ? 2 * tile + (16 * tile < first_row ? 1 : 0) : tile);
  }

 private:
  bool dense;
  int first_row, first_tile;
};

/// A warp's row tile: which sample, which two particles this lane has.
struct RowTile {
  bool there;
  int first;      ///< its first sample's first particle in the arrays
  int split;      ///< rows from here on are of the next sample; 16: none is
  int low, high;  ///< i of the lane's rows
  bool low_valid, high_valid;
  int low_node, high_node;    ///< places in the arrays; where not valid, those of another particle
  int low_first, high_first;  ///< of their samples' first particles

  EQUIBOLT_DEVICE RowTile(const Batch& b, int tile) : there(tile < b.row_tiles()) {
    const int n = b.particles;
    const int row = !there ? 0 : b.dense ? 16 * tile : tile / b.tiles * n + tile % b.tiles * 16;
    first = row / n * n;
    split = b.dense && first + n < row + 16 && first + n < b.nodes() ? first + n - row : 16;
    place(b, row + lane_row(), low, low_valid, low_node, low_first);
    place(b, row + 8 + lane_row(), high, high_valid, high_node, high_first);
  }

 private:
  EQUIBOLT_DEVICE void place(const Batch& b, int row, int& i, bool& valid, int& node, int& first_node) const {
    const int end = first + b.particles;
    valid = there && row < (b.dense ? b.nodes() : end);
    first_node = valid && row >= end ? end : first;
    node = valid ? row : first;
    i = row - first_node;
  }
};

/// x_i − x_j at a layer and at the input, for a lane's two rows.
struct EdgeGeometry {
  float r[2][max_dim], r0[2][max_dim];
  Pair d2, d2_input, distance, inverse_length;

  EQUIBOLT_DEVICE EdgeGeometry(const Position (&xi)[2], const Position (&ui)[2], const Position& xj,
                               const Position& uj) {
    float square[2], square0[2];
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      square[e] = square0[e] = 0;
#pragma unroll
      for (int k = 0; k < max_dim; ++k) {
        r0[e][k] = xi[e].v[k] - xj.v[k];
        r[e][k] = r0[e][k] + (ui[e].v[k] - uj.v[k]);
        square0[e] += r0[e][k] * r0[e][k];
        square[e] += r[e][k] * r[e][k];
      }
    }
    d2 = {square[0], square[1]};
    d2_input = {square0[0], square0[1]};
    distance = {square_root(d2.low + 1e-8F), square_root(d2.high + 1e-8F)};
    inverse_length = {reciprocal(distance.low + 1), reciprocal(distance.high + 1)};
  }
};

}  // namespace EQUIBOLT_CUDA_NAMESPACE
