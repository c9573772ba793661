#pragma once

#include <cstddef>

#include "egnn/cuda/weights.h"

/// What the kernels work on: a batch of B samples of N particles. Arrays per particle are (B·N, …), positions
/// have four numbers, the last ones zero. A *row tile* is 16 particles i of one sample, T = ⌈N/16⌉ of them a
/// sample: a warp works on the edges i←j from its tile to one j after the other.
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

  // What the forward pass leaves: a slice for each layer.
  float* h;     ///< (L, B·N, H) before the layer
  float* sums;  ///< (L, B·N, H): Σ_j of the gated messages
  float* p;     ///< (L, B·N, H): A h + b₁
  float* q;     ///< (L, B·N, H): B h
  Position* u;  ///< (L + 1, B·N): displacement x^l − x⁰

  EQUIBOLT_HOST_DEVICE int nodes() const { return samples * particles; }
  EQUIBOLT_HOST_DEVICE std::size_t at(int layer) const { return static_cast<std::size_t>(layer) * nodes(); }
};

/// A warp's row tile: which sample, which two particles this lane has.
struct RowTile {
  int sample, first;  ///< the sample's first particle in the arrays
  int low, high;      ///< i of the lane's rows
  bool low_valid, high_valid;
  int low_node, high_node;  ///< places in the arrays; where not valid, those of another particle

  EQUIBOLT_DEVICE RowTile(const Batch& b, int tile) {
    const bool there = tile < b.samples * b.tiles;
    sample = there ? tile / b.tiles : 0;
    first = sample * b.particles;
    low = tile % b.tiles * 16 + lane_row();
    high = low + 8;
    low_valid = there && low < b.particles;
    high_valid = there && high < b.particles;
    low_node = first + (low_valid ? low : 0);
    high_node = first + (high_valid ? high : 0);
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
