#pragma once

#include "egnn/cuda/forward.h"
#include "egnn/cuda/staging.h"

/// The vector-Jacobian product (docs/mathematics-gradient.md): Loss or the caller gives the cotangent of u^L;
/// then for each layer from the last EdgeBackward, GatherPositions, and NodeBackward, which goes on to the
/// layer before. No sum depends on the order in which blocks run: what several add up has a place of its own
/// for each of them, and SumParts adds those in their order.
namespace EQUIBOLT_CUDA_NAMESPACE {

/// Sums over the edges that EdgeBackward leaves for each j and row tile.
struct EdgeCotangents {
  float* q;      ///< (parts, N, H): Σ_i of z̄₁
  Position* x;   ///< (parts, N): Σ_i of the cotangent of x^l_i − x^l_j
  Position* x0;  ///< (parts, N): the same of the input's
};

struct Backward {
  Position* cot_u;       ///< (B·N,): cotangent of the displacement after the layer, then before it
  Position* cot_u_rows;  ///< (B·N,): what a particle's own rows add
  Position* cot_x_rows;  ///< (B·N,)
  Position* grad_x;      ///< (B·N,)
  EdgeCotangents parts;
  // (B·N, H)
  float* cot_h;  ///< of h^{l+1}; NodeBackward: without and with what the edges add
  float* cot_h_all;
  float* cot_sums;  ///< S̄ = cotangent of Σ_j m
  float* cot_p;
  float* cot_q;
  float* cot_z;   ///< of the node network's argument
  float* node_a;  ///< its silu
  // Sums for the gradient
  float* edge_sums;     ///< (L, slots, 2, H, H + 8): [z̄₂ᵀ [a₁, 1], z̄₃ᵀ [g m, 1]]
  float* edge_vectors;  ///< (L, slots · warps, edge_vector_size(H))
  float* node_sums;  ///< (L, slots, 6, H, H + 8): P̄ᵀ[h, 1], Q̄ᵀ[h, 1], z̄ᵀ[h, 1], z̄ᵀ[S, 1], h̄ᵀ[a, 1], –
  float* embedding_sums;  ///< (slots · EmbeddingGradient<H>::groups, k + 1, H)
  int edge_slots, node_slots;
  float unscale;  ///< takes out of results what cotangents were multiplied by
};

/// w_d2, w_d2_input, att, c2, then att's bias.
constexpr int edge_vector_size(int hidden) {
  return 4 * hidden + 8;
}

/// A warp per sample: cot_u = 2 scale (v − target) without its mean, and the sum of (v − target)².
struct Loss {
  static constexpr int threads = 128, blocks_per_processor = 1;
  static std::size_t shared_bytes() { return 0; }
  int samples, particles;
  const Position* u;  ///< u^L
  const Position* target;
  float scale;
  Position* cot_u;
  float* losses;  ///< (B,)

  EQUIBOLT_DEVICE void operator()() const {
    const int sample = block_index() * (threads / 32) + warp_index();
    if (sample >= samples) return;
    const std::size_t first = static_cast<std::size_t>(sample) * particles;
    float mean[max_dim], target_mean[max_dim];
    RemoveMean::mean_of(u + first, particles, mean);
    RemoveMean::mean_of(target + first, particles, target_mean);
    float loss = 0;
    for (int i = lane_index(); i < particles; i += 32) {
      Position cot{{0, 0, 0, 0}};
#pragma unroll
      for (int k = 0; k < max_dim; ++k) {
        const float error = u[first + i].v[k] - mean[k] - target[first + i].v[k];
        loss += error * error;
        cot.v[k] = 2 * scale * (error + target_mean[k]);  // the mean of v is 0
      }
      cot_u[first + i] = cot;
    }
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) loss += exchange(loss, mask);
    if (lane_index() == 0) losses[sample] = loss;
  }
};

template <int H>
struct EdgeBackward {
  static constexpr int warps = edge_warps(H);
  static constexpr int threads = 32 * warps, blocks_per_processor = H == 32 ? 2 : 1;
  using Rows = Staged<H, parts_of_float, warps>;
  static constexpr int vectors = 7;
  static std::size_t shared_bytes() {
    return sizeof(float) * (vectors * H + warps * 16 * (H + 8)) + 4 * Rows::bytes;
  }
  Batch b;
  Backward g;
  int layer;
  bool last;  ///< S̄ = 0

  EQUIBOLT_DEVICE void operator()() const {
    float* const shared = reinterpret_cast<float*>(shared_memory());
    constexpr Vector wanted[] = {kWd2, kWd2in, kB2, kAtt, kBc, kC2, kAttBias};
    for (int k = thread_index(); k < vectors * H; k += threads) {
      shared[k] = b.weights.vector<H>(layer, wanted[k / H])[k % H];
    }
    float* const p = shared + vectors * H + warp_index() * 16 * (H + 8);
    auto* const staged = reinterpret_cast<std::uint16_t*>(shared + vectors * H + warps * 16 * (H + 8));
    const Rows cot_z2{staged}, a1{staged + parts_of_float * Rows::part},
        cot_z3{staged + 2 * parts_of_float * Rows::part}, gated{staged + 3 * parts_of_float * Rows::part};
    synchronise_block();
    const float *const w_d2 = shared, *const w_d2_input = shared + H, *const b2 = shared + 2 * H,
                       *const att = shared + 3 * H, *const bc = shared + 4 * H, *const c2 = shared + 5 * H;
    const float att_bias = shared[6 * H];

    ColumnSum<H> sum_w_d2{}, sum_w_d2_input{}, sum_att{}, sum_c2{};
    float sum_att_bias = 0;
    const int groups = (b.row_tiles() + warps - 1) / warps;
    for (int group = block_index(); group < groups; group += block_count()) {
      const int tile = group * warps + warp_index();
      const RowTile rows(b, tile);
      const Pair valid{rows.low_valid ? 1.0F : 0.0F, rows.high_valid ? 1.0F : 0.0F};
      synchronise_warp();
      keep_rows<H>(p, b.p + b.at(layer) * H, rows);
      const Position* const x = b.x + rows.first;
      const Position* const u = b.u + b.at(layer) + rows.first;
      const float* const q = b.q + (b.at(layer) + rows.first) * H;
      const Position xi[2] = {b.x[rows.low_node], b.x[rows.high_node]};
      const Position ui[2] = {b.u[b.at(layer) + rows.low_node], b.u[b.at(layer) + rows.high_node]};
      const Position cot[2] = {g.cot_u[rows.low_node], g.cot_u[rows.high_node]};
      Tile<H> cot_p;
      set_zero(cot_p);
      float cot_u[2][max_dim] = {}, cot_x[2][max_dim] = {};
      OuterSums<H, warps> sums;
      sums.set_zero();

      for (int j = 0; j < b.particles; ++j) {
        const EdgeGeometry edge(xi, ui, x[j], u[j]);
        const Pair mask{rows.low == j ? 0.0F : valid.low, rows.high == j ? 0.0F : valid.high};
        Tile<H> a, m, slope1, slope2;
        first_argument(a, p, q + static_cast<std::size_t>(j) * H, edge, w_d2, w_d2_input);
        apply_silu(a, slope1);
        a1.set(a);
        set_rows(m, b2);
        add_product(m, a, b.weights.matrix<H>(layer, kW2));
        apply_silu(m, slope2);
        Pair gate = row_product(m, att);
        gate = {sigmoid(gate.low + att_bias), sigmoid(gate.high + att_bias)};
        a = m;
        multiply_rows(a, gate);
        gated.set(a);
        Tile<H> z3;
        set_rows(z3, bc);
        add_product(z3, a, b.weights.matrix<H>(layer, kC1));
        Tile<H>& slope3 = a;
        apply_silu(z3, slope3);
        const Pair y = row_product(z3, c2);
        const Pair phi{hyperbolic_tangent(y.low), hyperbolic_tangent(y.high)};

        // u_i += range φ r / length
        Pair along{0, 0};
#pragma unroll
        for (int k = 0; k < max_dim; ++k) {
          along.low += cot[0].v[k] * edge.r[0][k];
          along.high += cot[1].v[k] * edge.r[1][k];
        }
        along = {mask.low * along.low * b.range * edge.inverse_length.low,
                 mask.high * along.high * b.range * edge.inverse_length.high};
        const Pair cot_y{along.low * (1 - phi.low * phi.low), along.high * (1 - phi.high * phi.high)};
        add(sum_c2, column_sum(z3, cot_y));
        Tile<H>& cot3 = slope3;
        multiply_columns(cot3, c2);
        multiply_rows(cot3, cot_y);
        cot_z3.set(cot3);

        Tile<H> cot_m;  // of the gated message first
        set_zero(cot_m);
        add_product(cot_m, cot3, b.weights.matrix<H>(layer, kC1, true));
        if (!last) {
          Tile<H> from_sums;
          load(from_sums, g.cot_sums + static_cast<std::size_t>(rows.low_node) * H,
               g.cot_sums + static_cast<std::size_t>(rows.high_node) * H);
          multiply_rows(from_sums, mask);
          add(cot_m, from_sums);
        }
        const Pair cot_gate = row_product(cot_m, m);
        const Pair cot_s{cot_gate.low * gate.low * (1 - gate.low),
                         cot_gate.high * gate.high * (1 - gate.high)};
        add(sum_att, column_sum(m, cot_s));
        sum_att_bias += sum_of_rows(cot_s);
        multiply_rows(cot_m, gate);
        add_outer(cot_m, cot_s, att);
        multiply(cot_m, slope2);
        cot_z2.set(cot_m);

        Tile<H>& cot1 = m;
        set_zero(cot1);
        add_product(cot1, cot_m, b.weights.matrix<H>(layer, kW2, true));
        multiply(cot1, slope1);
        add(cot_p, cot1);
        const ColumnSum<H> cot_q = column_sum(cot1, Pair{1, 1});
        if (rows.there)
          store(cot_q, g.parts.q + (static_cast<std::size_t>(tile) * b.particles + j) * H, false);
        add(sum_w_d2, column_sum(cot1, edge.d2));
        add(sum_w_d2_input, column_sum(cot1, edge.d2_input));
        const Pair from_d2 = row_product(cot1, w_d2), from_d2_input = row_product(cot1, w_d2_input);

        // length = √(d² + 1e-8) + 1
        const float cot_d2[2] = {
            from_d2.low - 0.5F * along.low * phi.low * edge.inverse_length.low / edge.distance.low,
            from_d2.high - 0.5F * along.high * phi.high * edge.inverse_length.high / edge.distance.high};
        const float cot_d2_input[2] = {from_d2_input.low, from_d2_input.high};
        const float shift[2] = {mask.low * phi.low * edge.inverse_length.low * b.range,
                                mask.high * phi.high * edge.inverse_length.high * b.range};
        Position part{{0, 0, 0, 0}}, part0{{0, 0, 0, 0}};
#pragma unroll
        for (int k = 0; k < max_dim; ++k) {
          float cot_r[2], cot_r0[2];
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            cot_r[e] = cot[e].v[k] * shift[e] + 2 * edge.r[e][k] * cot_d2[e];
            cot_r0[e] = 2 * edge.r0[e][k] * cot_d2_input[e];
            cot_u[e][k] += cot_r[e];
            cot_x[e][k] += cot_r0[e];
          }
          part.v[k] = sum_of_rows(Pair{cot_r[0], cot_r[1]});
          part0.v[k] = sum_of_rows(Pair{cot_r0[0], cot_r0[1]});
        }
        if (rows.there && lane_index() == 0) {
          g.parts.x[static_cast<std::size_t>(tile) * b.particles + j] = part;
          g.parts.x0[static_cast<std::size_t>(tile) * b.particles + j] = part0;
        }

        synchronise_block();
        const bool second = OuterSums<H, warps>::product() == 1;
        sums.add(second ? cot_z3 : cot_z2, second ? gated : a1);
        synchronise_block();
      }
      sums.add_to(g.edge_sums + (static_cast<std::size_t>(layer) * g.edge_slots + block_index()) * 2 *
                                    OuterSums<H, warps>::size);
      store(cot_p, g.cot_p + static_cast<std::size_t>(rows.low_node) * H, rows.low_valid,
            g.cot_p + static_cast<std::size_t>(rows.high_node) * H, rows.high_valid);
      if (lane_column() == 0) {
        if (rows.low_valid) {
          g.cot_u_rows[rows.low_node] = {{cot_u[0][0], cot_u[0][1], cot_u[0][2], 0}};
          g.cot_x_rows[rows.low_node] = {{cot_x[0][0], cot_x[0][1], cot_x[0][2], 0}};
        }
        if (rows.high_valid) {
          g.cot_u_rows[rows.high_node] = {{cot_u[1][0], cot_u[1][1], cot_u[1][2], 0}};
          g.cot_x_rows[rows.high_node] = {{cot_x[1][0], cot_x[1][1], cot_x[1][2], 0}};
        }
      }
    }
    float* const to =
        g.edge_vectors +
        ((static_cast<std::size_t>(layer) * g.edge_slots + block_index()) * warps + warp_index()) *
            edge_vector_size(H);
    store(sum_w_d2, to, true);
    store(sum_w_d2_input, to + H, true);
    store(sum_att, to + 2 * H, true);
    store(sum_c2, to + 3 * H, true);
    if (lane_index() == 0) to[4 * H] += sum_att_bias;
  }
};

/// A thread per particle: the cotangents of u^l and what the layer adds to that of x.
struct GatherPositions {
  static constexpr int threads = 128, blocks_per_processor = 1;
  static std::size_t shared_bytes() { return 0; }
  Batch b;
  Backward g;

  EQUIBOLT_DEVICE void operator()() const {
    const int node = block_index() * threads + thread_index();
    if (node >= b.nodes()) return;
    const int sample = node / b.particles, j = node % b.particles;
    Position cot_u = g.cot_u_rows[node], cot_x = g.cot_x_rows[node];
    const PartsOfSample parts(b, sample);
    for (int part = 0; part < parts.count; ++part) {
      const std::size_t at = parts[part] * b.particles + j;
#pragma unroll
      for (int k = 0; k < max_dim; ++k) {
        cot_u.v[k] -= g.parts.x[at].v[k];
        cot_x.v[k] -= g.parts.x0[at].v[k];
      }
    }
#pragma unroll
    for (int k = 0; k < max_dim; ++k) {
      g.grad_x[node].v[k] += cot_u.v[k] + cot_x.v[k];  // x^l = x + u^l
      g.cot_u[node].v[k] += cot_u.v[k];
    }
  }
};

/// cot_h_all: of h^{l+1}, what the edges of layer l + 1 add included; then the node network of layer l. With
/// l = −1 the first part alone.
template <int H, int S>
struct NodeBackward {
  static constexpr int threads = 32 * node_warps, blocks_per_processor = 2;
  static std::size_t shared_bytes() { return 0; }
  Batch b;
  Backward g;
  int layer;
  bool zero;  ///< nothing before: layer + 1 is the last

  /// Adds to a row of x, two numbers of each four from `half`, what the row tiles left for a particle: Σ_i
  /// z̄₁.
  EQUIBOLT_DEVICE void load_cot_q(Tile<H>& x, int half, int node) const {
    const PartsOfSample parts(b, node / b.particles);
    const float* const from = g.parts.q + node % b.particles * H + lane_column();
    for (int part = 0; part < parts.count; ++part) {
      const float* const at = from + parts[part] * b.particles * H;
#pragma unroll
      for (int n = 0; n < H / 8; ++n) {
        x.v[n][half] += at[8 * n];
        x.v[n][half + 1] += at[8 * n + 1];
      }
    }
  }

  EQUIBOLT_DEVICE void operator()() const {
    const NodeRows rows(b, block_index() * node_warps + warp_index());
    Tile<H> cot, x;
    if (zero) {
      set_zero(cot);
    } else {
      rows.load(cot, g.cot_h);
    }
    rows.load(x, g.cot_p);
    add_product<S>(cot, x, b.weights.matrix<H>(layer + 1, kA, true));
    set_zero(x);
    load_cot_q(x, 0, rows.low);
    load_cot_q(x, 2, rows.high);
    rows.store(x, g.cot_q);
    add_product<S>(cot, x, b.weights.matrix<H>(layer + 1, kB, true));
    rows.store(cot, g.cot_h_all);
    if (layer < 0) return;

    Tile<H> z, slope;
    set_rows(z, b.weights.vector<H>(layer, kBn1));
    rows.load(x, b.sums + b.at(layer) * H);
    add_product<S>(z, x, b.weights.matrix<H>(layer, kN1s));
    rows.load(x, b.h + b.at(layer) * H);
    add_product<S>(z, x, b.weights.matrix<H>(layer, kN1h));
    apply_silu(z, slope);
    rows.store(z, g.node_a);
    set_zero(x);
    add_product<S>(x, cot, b.weights.matrix<H>(layer, kN2, true));
    multiply(x, slope);
    rows.store(x, g.cot_z);
    set_zero(z);
    add_product<S>(z, x, b.weights.matrix<H>(layer, kN1s, true));
    rows.store(z, g.cot_sums);
    add_product<S>(cot, x, b.weights.matrix<H>(layer, kN1h, true));
    rows.store(cot, g.cot_h);
  }
};

/// xᵀ [y, 1] of two pairs of arrays (B·N, H); a block row for two pairs.
template <int H, int S>
struct OuterProducts {
  static constexpr int warps = edge_warps(H);
  static constexpr int threads = 32 * warps, blocks_per_processor = 1;
  static constexpr int parts = H == 128 ? 1 : S;  ///< what fits shared memory
  using Rows = Staged<H, parts, warps>;
  static std::size_t shared_bytes() { return 4 * Rows::bytes; }
  struct Product {
    const float* x;
    const float* y;
    float* sums;  ///< (slots, step)
  };
  int nodes;
  std::size_t step;
  Product products[6];

  EQUIBOLT_DEVICE void operator()() const {
    auto* const staged = reinterpret_cast<std::uint16_t*>(shared_memory());
    const Rows x[2] = {{staged}, {staged + parts * Rows::part}};
    const Rows y[2] = {{staged + 2 * parts * Rows::part}, {staged + 3 * parts * Rows::part}};
    const Product first = products[2 * block_row()], second = products[2 * block_row() + 1];
    const int mine = OuterSums<H, warps>::product();
    OuterSums<H, warps> sums;
    sums.set_zero();
    for (int row = block_index() * Rows::rows; row < nodes; row += block_count() * Rows::rows) {
      const int low = row + 16 * warp_index() + lane_row(), high = low + 8;
      const Pair valid{low < nodes ? 1.0F : 0.0F, high < nodes ? 1.0F : 0.0F};
      const std::size_t at_low = static_cast<std::size_t>(low < nodes ? low : 0) * H;
      const std::size_t at_high = static_cast<std::size_t>(high < nodes ? high : 0) * H;
      for (int k = 0; k < 2; ++k) {
        const Product& product = k == 0 ? first : second;
        if (product.x == nullptr) continue;
        Tile<H> rows;
        load(rows, product.x + at_low, product.x + at_high);
        multiply_rows(rows, valid);
        x[k].set(rows);
        load(rows, product.y + at_low, product.y + at_high);
        y[k].set(rows);
      }
      synchronise_block();
      if ((mine == 0 ? first : second).x != nullptr) sums.add(x[mine], y[mine]);
      synchronise_block();
    }
    const Product& product = mine == 0 ? first : second;
    if (product.x == nullptr) return;
    // add_to wants the place of two products
    sums.add_to(product.sums + block_index() * step - mine * OuterSums<H, warps>::size);
  }
};

/// Of the embedding: Σ cot h⁰ ⊗ [one-hot, t, 1] over a group of threads' particles, a thread for each
/// feature.
template <int H>
struct EmbeddingGradient {
  static constexpr int threads = 256, blocks_per_processor = 1;
  static constexpr int groups = threads / H;
  static std::size_t shared_bytes() { return 0; }
  Batch b;
  const float* cot_h;
  float* sums;  ///< (slots, groups, k + 1, H)

  EQUIBOLT_DEVICE void operator()() const {
    const int k = b.weights.node_features, c = thread_index() % H;
    const int group = block_index() * groups + thread_index() / H;
    float* const to = sums + static_cast<std::size_t>(group) * (k + 1) * H + c;
    float with_t = 0, bias = 0;
    for (int node = group; node < b.nodes(); node += block_count() * groups) {
      const float cot = cot_h[static_cast<std::size_t>(node) * H + c];
      with_t += cot * b.t[node / b.particles];
      bias += cot;
      if (k > 1) to[b.types[node % b.particles] * H] += cot;
    }
    to[(k - 1) * H] += with_t;
    to[k * H] += bias;
  }
};

/// gradient[place] = Σ_slots, for each of `size` sums: each warp of a block adds some of the slots in their
/// order.
struct SumParts {
  static constexpr int threads = 256, blocks_per_processor = 1, warps = threads / 32;
  static std::size_t shared_bytes() { return sizeof(double) * threads; }
  const float* parts;  ///< (rows, slots, step)
  const int* places;   ///< (rows, size), −1: none
  int size, slots;
  std::size_t step;
  float unscale;
  float* gradient;

  EQUIBOLT_DEVICE void operator()() const {
    auto* const of_warps = reinterpret_cast<double*>(shared_memory());
    const int k = block_index() * 32 + lane_index();
    const int place = k < size ? places[block_row() * size + k] : -1;
    double sum = 0;
    if (place >= 0) {
      const float* const from = parts + static_cast<std::size_t>(block_row()) * slots * step + k;
      for (int s = warp_index(); s < slots; s += warps) sum += static_cast<double>(from[s * step]);
    }
    of_warps[thread_index()] = sum;
    synchronise_block();
    if (warp_index() > 0 || place < 0) return;
    for (int warp = 1; warp < warps; ++warp) sum += of_warps[32 * warp + lane_index()];
    gradient[place] = static_cast<float>(sum) * unscale;
  }
};

}  // namespace EQUIBOLT_CUDA_NAMESPACE
