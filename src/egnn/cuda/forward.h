#pragma once

#include "egnn/cuda/batch.h"

/// The forward pass: Embed, then for each layer EdgeForward and, but for the last, NodeForward
/// (docs/mathematics.md, "The vector field"; egnn/spec/reference.h).
namespace EQUIBOLT_CUDA_NAMESPACE {

/// A warp's 16 particles of the whole batch.
struct NodeRows {
  int low, high;
  bool low_valid, high_valid;
  EQUIBOLT_DEVICE NodeRows(const Batch& b, int tile) {
    const int row = 16 * tile + lane_row();
    low_valid = row < b.nodes();
    high_valid = row + 8 < b.nodes();
    low = low_valid ? row : 0;
    high = high_valid ? row + 8 : 0;
  }
  template <int H>
  EQUIBOLT_DEVICE void load(Tile<H>& x, const float* array) const {
    cuda::load(x, array + static_cast<std::size_t>(low) * H, array + static_cast<std::size_t>(high) * H);
  }
  template <int H>
  EQUIBOLT_DEVICE void store(const Tile<H>& x, float* array) const {
    cuda::store(x, array + static_cast<std::size_t>(low) * H, low_valid,
                array + static_cast<std::size_t>(high) * H, high_valid);
  }
};

constexpr int node_warps = 4;

inline std::size_t node_blocks(const Batch& b) {
  return (static_cast<std::size_t>(b.samples) * b.particles + 16 * node_warps - 1) / (16 * node_warps);
}

/// x becomes the sum of two half-precision numbers, near x/2 to 2⁻²² of it, in a word.
template <int H>
EQUIBOLT_DEVICE void split_in_halves(Tile<H>& x) {
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const float value = 0.5F * x.v[n][e];
      const std::uint32_t large = halves(value, 0);
      x.v[n][e] = __builtin_bit_cast(float, permute(large, halves(value - low_half(large), 0), 0x5410));
    }
  }
}

/// A h + b₁ and B h for the edges of `layer`.
template <int S, int H>
EQUIBOLT_DEVICE void store_edge_parts(const Batch& b, const NodeRows& rows, int layer, const Tile<H>& h) {
  Tile<H> y;
  set_rows(y, b.weights.vector<H>(layer, kB1));
  add_product<S>(y, h, b.weights.matrix<H>(layer, kA));
  rows.store(y, b.p + b.at(layer) * H);
  set_zero(y);
  add_product<S>(y, h, b.weights.matrix<H>(layer, kB));
  if (b.halves) split_in_halves(y);
  rows.store(y, b.q + b.at(layer) * H);
}

/// h⁰ of [one-hot(type), t], and u⁰ = 0. Here and below S is the number of parts of products.
template <int H, int S>
struct Embed {
  static constexpr int threads = 32 * node_warps, blocks_per_processor = 2;
  static std::size_t shared_bytes() { return 0; }
  Batch b;

  EQUIBOLT_DEVICE float entry(int node, int c) const {
    const Weights& w = b.weights;
    if (c >= w.hidden) return 0;
    const float* const row = w.theta + w.embedding + c * w.node_features;
    float sum = w.theta[w.embedding_bias + c] + row[w.node_features - 1] * b.t[node / b.particles];
    if (w.node_features > 1) sum += row[b.types[node % b.particles]];
    return sum;
  }

  EQUIBOLT_DEVICE void operator()() const {
    const NodeRows rows(b, block_index() * node_warps + warp_index());
    Tile<H> h;
#pragma unroll
    for (int n = 0; n < H / 8; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e)
        h.v[n][e] = entry(e < 2 ? rows.low : rows.high, 8 * n + lane_column() + e % 2);
    }
    rows.store(h, b.h);
    store_edge_parts<S>(b, rows, 0, h);
    const int lane = lane_index();
    const int node = 16 * (block_index() * node_warps + warp_index()) + lane;
    if (lane < 16 && node < b.nodes()) b.u[node] = {{0, 0, 0, 0}};
  }
};

/// h^{l+1} = h + N₂ silu(N₁ [h, Σ_j m] + b) + b′.
template <int H, int S>
struct NodeForward {
  static constexpr int threads = 32 * node_warps, blocks_per_processor = 2;
  static std::size_t shared_bytes() { return 0; }
  Batch b;
  int layer;
  float* slopes;  ///< (B·N, H): silu′, or null where not wanted

  EQUIBOLT_DEVICE void operator()() const {
    const NodeRows rows(b, block_index() * node_warps + warp_index());
    Tile<H> h, z;
    set_rows(z, b.weights.vector<H>(layer, kBn1));
    rows.load(h, b.sums + b.at(layer) * H);
    add_product<S>(z, h, b.weights.matrix<H>(layer, kN1s));
    rows.load(h, b.h + b.at(layer) * H);
    add_product<S>(z, h, b.weights.matrix<H>(layer, kN1h));
    Tile<H> after;  // the slope first
    apply_silu(z, after);
    if (slopes != nullptr) rows.store(after, slopes);
    set_rows(after, b.weights.vector<H>(layer, kBn2));
    add(after, h);
    add_product<S>(after, z, b.weights.matrix<H>(layer, kN2));
    rows.store(after, b.h + b.at(layer + 1) * H);
    store_edge_parts<S>(b, rows, layer + 1, after);
  }
};

/// z₁ = p_i + q_j + d² w + d²_input w′ of 16 edges to one j.
template <int H>
EQUIBOLT_DEVICE void first_argument(Tile<H>& z, const float* p, const float* q, const EdgeGeometry& edge,
                                    const float* w_d2, const float* w_d2_input) {
  const int row = lane_row();
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
    const int c = 8 * n + lane_column();
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const float both = q[c + e];
      const float w = w_d2[c + e], y = w_d2_input[c + e];
      z.v[n][e] = p[row * (H + 8) + c + e] + both + edge.d2.low * w + edge.d2_input.low * y;
      z.v[n][2 + e] = p[(row + 8) * (H + 8) + c + e] + both + edge.d2.high * w + edge.d2_input.high * y;
    }
  }
}

/// A warp's p_i (16, H + 8) in shared memory.
template <int H>
EQUIBOLT_DEVICE void keep_rows(float* kept, const float* array, const RowTile& rows) {
  const int row = lane_row();
  const float* const low = array + static_cast<std::size_t>(rows.low_node) * H;
  const float* const high = array + static_cast<std::size_t>(rows.high_node) * H;
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
    const int c = 8 * n + lane_column();
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      kept[row * (H + 8) + c + e] = low[c + e];
      kept[(row + 8) * (H + 8) + c + e] = high[c + e];
    }
  }
  synchronise_warp();
}

constexpr int edge_warps(int hidden) {
  return hidden >= 128 ? 8 : 4;
}

inline std::size_t edge_groups(const Batch& b, int warps) {
  return (static_cast<std::size_t>(b.row_tiles()) + warps - 1) / warps;
}

/// Σ_j of the gated messages, and u^{l+1}.
template <int H>
struct EdgeForward {
  static constexpr int warps = edge_warps(H);
  static constexpr int threads = 32 * warps, blocks_per_processor = H == 32 ? 4 : H == 64 ? 3 : 1;
  static std::size_t shared_bytes() { return sizeof(float) * (7 * H + warps * 16 * (H + 8)); }
  Batch b;
  int layer;

  EQUIBOLT_DEVICE void operator()() const {
    float* const shared = reinterpret_cast<float*>(shared_memory());
    constexpr Vector wanted[] = {kWd2, kWd2in, kB2, kAtt, kBc, kC2, kAttBias};
    for (int k = thread_index(); k < 7 * H; k += threads) {
      shared[k] = b.weights.vector<H>(layer, wanted[k / H])[k % H];
    }
    synchronise_block();
    const float *const w_d2 = shared, *const w_d2_input = shared + H, *const b2 = shared + 2 * H,
                       *const att = shared + 3 * H, *const bc = shared + 4 * H, *const c2 = shared + 5 * H;
    const float att_bias = shared[6 * H];
    float* const p = shared + 7 * H + warp_index() * 16 * (H + 8);

    for (int tile = block_index() * warps + warp_index(); tile < b.row_tiles();
         tile += block_count() * warps) {
      const RowTile rows(b, tile);
      synchronise_warp();
      keep_rows<H>(p, b.p + b.at(layer) * H, rows);
      const Position* const x = b.x + rows.first;
      const Position* const u = b.u + b.at(layer) + rows.first;
      const float* const q = b.q + (b.at(layer) + rows.first) * H;
      const Position xi[2] = {b.x[rows.low_node], b.x[rows.high_node]};
      const Position ui[2] = {b.u[b.at(layer) + rows.low_node], b.u[b.at(layer) + rows.high_node]};
      Tile<H> sums;
      set_zero(sums);
      float moved[2][max_dim] = {};
      for (int j = 0; j < b.particles; ++j) {
        const EdgeGeometry edge(xi, ui, x[j], u[j]);
        Tile<H> a, m;
        first_argument(a, p, q + static_cast<std::size_t>(j) * H, edge, w_d2, w_d2_input);
        apply_silu(a);
        set_rows(m, b2);
        add_product(m, a, b.weights.matrix<H>(layer, kW2));
        apply_silu(m);
        Pair gate = row_product(m, att);
        gate = {sigmoid(gate.low + att_bias), sigmoid(gate.high + att_bias)};
        if (rows.low == j) gate.low = 0;
        if (rows.high == j) gate.high = 0;
        multiply_rows(m, gate);
        add(sums, m);
        set_rows(a, bc);
        add_product(a, m, b.weights.matrix<H>(layer, kC1));
        apply_silu(a);
        const Pair y = row_product(a, c2);
        const float along[2] = {hyperbolic_tangent(y.low) * edge.inverse_length.low * b.range,
                                hyperbolic_tangent(y.high) * edge.inverse_length.high * b.range};
#pragma unroll
        for (int e = 0; e < 2; ++e) {
#pragma unroll
          for (int k = 0; k < max_dim; ++k) moved[e][k] += along[e] * edge.r[e][k];
        }
      }
      store(sums, b.sums + (b.at(layer) + rows.low_node) * H, rows.low_valid,
            b.sums + (b.at(layer) + rows.high_node) * H, rows.high_valid);
      if (lane_column() == 0) {
        Position* const after = b.u + b.at(layer + 1);
        if (rows.low_valid) {
          after[rows.low_node] = {
              {ui[0].v[0] + moved[0][0], ui[0].v[1] + moved[0][1], ui[0].v[2] + moved[0][2], 0}};
        }
        if (rows.high_valid) {
          after[rows.high_node] = {
              {ui[1].v[0] + moved[1][0], ui[1].v[1] + moved[1][1], ui[1].v[2] + moved[1][2], 0}};
        }
      }
    }
  }
};

/// A warp per sample: v = u^L minus its mean, or any such array.
struct RemoveMean {
  static constexpr int threads = 128, blocks_per_processor = 1;
  static std::size_t shared_bytes() { return 0; }
  int samples, particles;
  const Position* from;
  Position* to;

  EQUIBOLT_DEVICE void operator()() const {
    const int sample = block_index() * (threads / 32) + warp_index();
    if (sample >= samples) return;
    float mean[max_dim];
    mean_of(from + static_cast<std::size_t>(sample) * particles, particles, mean);
    for (int i = lane_index(); i < particles; i += 32) {
      const Position& p = from[static_cast<std::size_t>(sample) * particles + i];
      to[static_cast<std::size_t>(sample) * particles + i] = {
          {p.v[0] - mean[0], p.v[1] - mean[1], p.v[2] - mean[2], 0}};
    }
  }

  EQUIBOLT_DEVICE static void mean_of(const Position* positions, int count, float (&mean)[max_dim]) {
#pragma unroll
    for (int k = 0; k < max_dim; ++k) {
      float sum = 0;
      for (int i = lane_index(); i < count; i += 32) sum += positions[i].v[k];
#pragma unroll
      for (int mask = 16; mask > 0; mask /= 2) sum += exchange(sum, mask);
      mean[k] = sum / static_cast<float>(count);
    }
  }
};

inline std::size_t sample_blocks(int samples) {
  return (static_cast<std::size_t>(samples) + 3) / 4;
}

}  // namespace EQUIBOLT_CUDA_NAMESPACE
