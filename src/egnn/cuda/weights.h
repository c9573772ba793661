#pragma once

#include "egnn/cuda/tile.h"

/// The network's weights on the device: padded to H, matrices packed as right operands of tile.h's products.
namespace EQUIBOLT_CUDA_NAMESPACE {

/// The matrices of a layer (H, H), each twice: as y = W x, and transposed for cotangents.
enum Matrix { kA, kB, kW2, kC1, kN1h, kN1s, kN2, kMatrices };  // A, B: edge_mlp.0's parts for h_i and h_j
/// The vectors of a layer.
enum Vector { kB1, kWd2, kWd2in, kB2, kAtt, kBc, kC2, kBn1, kBn2, kAttBias, kVectors };

/// Where a layer's matrices and vectors lie in θ.
struct LayerPlaces {
  int matrix[kMatrices];         ///< entry (0, 0)
  int matrix_stride[kMatrices];  ///< from row to row
  int vector[kVectors];
  int vector_stride[kVectors];
};

struct Weights {
  const Lanes4* packed;  ///< (L, kMatrices, 2, parts_of_float, H²/8)
  const Lanes4* halves;  ///< (L, 2, 2, H²/8): W₂/2 and C₁/2, W₂ᵀ and C₁ᵀ in half precision
  const std::uint32_t* distances;  ///< (L, 3, H): w/2 and w′/2 of z₁ in two half-precision numbers each
  const float* vectors;            ///< (L, kVectors, H)
  const float* theta;              ///< as ParameterLayout has it
  int hidden;
  int node_features;
  int embedding, embedding_bias;  ///< their places in θ

  template <int H>
  EQUIBOLT_DEVICE const Lanes4* matrix(int layer, Matrix m, bool transposed = false) const {
    return packed + static_cast<std::size_t>((layer * kMatrices + m) * 2 + (transposed ? 1 : 0)) *
                        parts_of_float * packed_size(H, H);
  }
  /// Of W₂, W₂ᵀ, C₁, C₁ᵀ.
  template <int H>
  EQUIBOLT_DEVICE const Lanes4* half_matrices(int layer) const {
    return halves + static_cast<std::size_t>(layer) * 4 * packed_size(H, H);
  }
  template <int H>
  EQUIBOLT_DEVICE const float* vector(int layer, Vector v) const {
    return vectors + (layer * kVectors + v) * H;
  }
};

/// Fills `packed`, `vectors` and `w2` from θ; a block row for each layer.
template <int H>
struct PackWeights {
  static constexpr int threads = 256, blocks_per_processor = 1;
  static std::size_t shared_bytes() { return 0; }
  const float* theta;
  const LayerPlaces* places;
  int hidden;
  std::uint32_t* packed;
  std::uint32_t* packed_halves;
  std::uint32_t* distances;
  float* vectors;
  float* w2;  ///< (L, H²/8, 8): W₂ unrounded, in the order of a right operand

  EQUIBOLT_DEVICE void operator()() const {
    const int layer = block_row();
    const LayerPlaces& p = places[layer];
    const int step = threads * block_count();
    const int first = block_index() * threads + thread_index();
    for (int k = first; k < kVectors * H; k += step) {
      const int v = k / H, c = k % H;
      const bool there = c < (v == kAttBias ? 1 : hidden);
      vectors[layer * kVectors * H + k] = there ? theta[p.vector[v] + c * p.vector_stride[v]] : 0.0F;
    }
    for (int c = first; c < H; c += step) {
      float value[2];
      std::uint32_t large[2], small[2];
      for (int e = 0; e < 2; ++e) {
        const Vector v = e == 0 ? kWd2 : kWd2in;
        value[e] = c < hidden ? 0.5F * theta[p.vector[v] + c * p.vector_stride[v]] : 0.0F;
        large[e] = halves(value[e], value[e]);
        small[e] = halves(value[e] - low_half(large[e]), 0);
      }
      std::uint32_t* const to = distances + layer * 3 * H + c;
      to[0] = large[0];
      to[H] = large[1];
      to[2 * H] = permute(small[0], small[1], 0x5410);
    }
    constexpr int words = H * H / 2;  // of one part
    for (int k = first; k < kMatrices * 2 * words; k += step) {
      const int word = k % 4, lane = k / 4 % 32, n16 = k / 128 % (H / 16),
                k16 = k / 128 / (H / 16) % (H / 16);
      const int orientation = k / words % 2, m = k / words / 2;
      const int inner = 16 * k16 + 2 * (lane % 4) + 8 * (word % 2);
      const int outer = 16 * n16 + 8 * (word / 2) + lane / 4;
      float value[2];
      for (int e = 0; e < 2; ++e) {
        const int row = orientation == 0 ? outer : inner + e, column = orientation == 0 ? inner + e : outer;
        value[e] =
            row < hidden && column < hidden ? theta[p.matrix[m] + row * p.matrix_stride[m] + column] : 0.0F;
      }
      if (m == kW2 && orientation == 0) {
        for (int e = 0; e < 2; ++e) w2[layer * H * H + 2 * (k % words) + e] = value[e];
      }
      if (m == kW2 || m == kC1) {
        packed_halves[((layer * 2 + (m == kW2 ? 0 : 1)) * 2 + orientation) * words + k % words] =
            orientation == 0 ? halves(0.5F * value[0], 0.5F * value[1]) : halves(value[0], value[1]);
      }
      std::uint32_t parts[parts_of_float];
      split(value[0], value[1], parts);
      for (int part = 0; part < parts_of_float; ++part) {
        const std::size_t array = static_cast<std::size_t>((layer * kMatrices + m) * 2 + orientation);
        packed[(array * parts_of_float + part) * words + k % words] = parts[part];
      }
    }
  }
};

}  // namespace EQUIBOLT_CUDA_NAMESPACE
