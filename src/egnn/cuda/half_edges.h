#pragma once

#include "egnn/cuda/backward.h"
#include "egnn/cuda/half_tile.h"

/// EdgeForward and EdgeBackward of gradients in half precision: what lies in a message's features is rounded
/// to 11 bits, all that is summed over edges is added in float32. Cotangents come multiplied by a power of
/// two that makes them of order 1 (Backward::unscale is its inverse).
namespace EQUIBOLT_CUDA_NAMESPACE {

/// A layer's vectors in shared memory.
template <int H>
struct EdgeVectors {
  static constexpr std::size_t bytes = sizeof(float) * (4 * H + 4) + sizeof(std::uint32_t) * H;
  const float *w_d2, *w_d2_input, *b2, *bc;
  const std::uint32_t *att, *c2;  ///< (H/2,) words
  float att_bias;

  /// All threads of the block.
  EQUIBOLT_DEVICE EdgeVectors(const Weights& weights, int layer, float* shared, int threads) {
    constexpr Vector wanted[] = {kWd2, kWd2in, kB2, kBc};
    for (int k = thread_index(); k < 4 * H; k += threads) {
      shared[k] = weights.vector<H>(layer, wanted[k / H])[k % H];
    }
    auto* const words = reinterpret_cast<std::uint32_t*>(shared + 4 * H + 4);
    for (int k = thread_index(); k < H; k += threads) {
      const float* const from = weights.vector<H>(layer, k < H / 2 ? kAtt : kC2) + 2 * (k % (H / 2));
      words[k] = halves(from[0], from[1]);
    }
    synchronise_block();
    w_d2 = shared;
    w_d2_input = shared + H;
    b2 = shared + 2 * H;
    bc = shared + 3 * H;
    att = words;
    c2 = words + H / 2;
    att_bias = weights.vector<H>(layer, kAttBias)[0];
  }
};

/// z₁ of 16 edges to one j (forward.h), computed in float32.
template <int H>
EQUIBOLT_DEVICE HalfTile<H> first_argument(const float* p, const float* q, const EdgeGeometry& edge,
                                           const EdgeVectors<H>& vectors) {
  HalfTile<H> z;
  const int row = lane_row();
#pragma unroll
  for (int n = 0; n < H / 8; ++n) {
    const int c = 8 * n + lane_column();
    float low[2], high[2];
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const float w = vectors.w_d2[c + e], y = vectors.w_d2_input[c + e], both = q[c + e];
      low[e] = p[row * (H + 8) + c + e] + both + edge.d2.low * w + edge.d2_input.low * y;
      high[e] = p[(row + 8) * (H + 8) + c + e] + both + edge.d2.high * w + edge.d2_input.high * y;
    }
    z.v[n][0] = halves(low[0], low[1]);
    z.v[n][1] = halves(high[0], high[1]);
  }
  return z;
}

template <int H>
struct HalfEdgeForward {
  static constexpr int warps = edge_warps(H);
  static constexpr int threads = 32 * warps, blocks_per_processor = H == 32 ? 5 : H == 64 ? 4 : 1;
  static constexpr std::size_t vectors_size = EdgeVectors<H>::bytes / sizeof(float);
  static std::size_t shared_bytes() { return sizeof(float) * (vectors_size + warps * 16 * (H + 8)); }
  Batch b;
  int layer;

  EQUIBOLT_DEVICE void operator()() const {
    float* const shared = reinterpret_cast<float*>(shared_memory());
    const EdgeVectors<H> vectors(b.weights, layer, shared, threads);
    float* const p = shared + vectors_size + warp_index() * 16 * (H + 8);
    HalfTile<H> none;

    for (int tile = block_index() * warps + warp_index(); tile < b.samples * b.tiles;
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
        HalfTile<H> a = first_argument<H>(p, q + static_cast<std::size_t>(j) * H, edge, vectors);
        apply_silu<H, false>(a, none);
        HalfTile<H> m = affine(a, b.weights.half_matrix<H>(layer, kW2), vectors.b2);
        apply_silu<H, false>(m, none);
        Pair gate = row_product(m, vectors.att);
        gate = {sigmoid(gate.low + vectors.att_bias), sigmoid(gate.high + vectors.att_bias)};
        if (rows.low == j) gate.low = 0;
        if (rows.high == j) gate.high = 0;
        multiply_rows(m, HalfPair(gate));
#pragma unroll
        for (int n = 0; n < H / 8; ++n) {
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            sums.v[n][2 * e] += low_half(m.v[n][e]);
            sums.v[n][2 * e + 1] += high_half(m.v[n][e]);
          }
        }
        a = affine(m, b.weights.half_matrix<H>(layer, kC1), vectors.bc);
        apply_silu<H, false>(a, none);
        const Pair y = row_product(a, vectors.c2);
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

template <int H>
struct HalfEdgeBackward {
  static constexpr int warps = edge_warps(H);
  static constexpr int threads = 32 * warps, blocks_per_processor = H == 32 ? 3 : H == 64 ? 2 : 1;
  using Rows = Staged<H, 1, warps>;
  static constexpr std::size_t vectors_size = EdgeVectors<H>::bytes / sizeof(float);
  static std::size_t shared_bytes() {
    return sizeof(float) * (vectors_size + warps * 16 * (H + 8)) + 4 * Rows::bytes;
  }
  Batch b;
  Backward g;
  int layer;
  bool last;  ///< S̄ = 0

  EQUIBOLT_DEVICE void operator()() const {
    float* const shared = reinterpret_cast<float*>(shared_memory());
    const EdgeVectors<H> vectors(b.weights, layer, shared, threads);
    float* const p = shared + vectors_size + warp_index() * 16 * (H + 8);
    auto* const staged = reinterpret_cast<std::uint16_t*>(shared + vectors_size + warps * 16 * (H + 8));
    const Rows cot_z2{staged}, a1{staged + Rows::part}, cot_z3{staged + 2 * Rows::part},
        gated{staged + 3 * Rows::part};

    ColumnSum<H> sum_w_d2{}, sum_w_d2_input{}, sum_att{}, sum_c2{};
    float sum_att_bias = 0;
    const int groups = (b.samples * b.tiles + warps - 1) / warps;
    for (int group = block_index(); group < groups; group += block_count()) {
      const int tile = group * warps + warp_index();
      const RowTile rows(b, tile);
      const Pair valid{rows.low_valid ? 1.0F : 0.0F, rows.high_valid ? 1.0F : 0.0F};
      const bool there = tile < b.samples * b.tiles;
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

#pragma unroll 1
      for (int j = 0; j < b.particles; ++j) {
        const EdgeGeometry edge(xi, ui, x[j], u[j]);
        const Pair mask{rows.low == j ? 0.0F : valid.low, rows.high == j ? 0.0F : valid.high};
        HalfTile<H> slope1, slope2, slope3;
        HalfTile<H> a = first_argument<H>(p, q + static_cast<std::size_t>(j) * H, edge, vectors);
        apply_silu<H, true>(a, slope1);
        a1.set(a);
        HalfTile<H> m = affine(a, b.weights.half_matrix<H>(layer, kW2), vectors.b2);
        apply_silu<H, true>(m, slope2);
        Pair gate = row_product(m, vectors.att);
        gate = {sigmoid(gate.low + vectors.att_bias), sigmoid(gate.high + vectors.att_bias)};
        const HalfPair half_gate(gate);
        a = m;
        multiply_rows(a, half_gate);
        gated.set(a);
        HalfTile<H> z3 = affine(a, b.weights.half_matrix<H>(layer, kC1), vectors.bc);
        apply_silu<H, true>(z3, slope3);
        const Pair y = row_product(z3, vectors.c2);
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
        const HalfPair half_cot_y(cot_y);
        HalfTile<H>& cot3 = slope3;
#pragma unroll
        for (int n = 0; n < H / 8; ++n) {
          const std::uint32_t c2 = vectors.c2[4 * n + lane_column() / 2];
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            cot3.v[n][e] = multiply_halves(slope3.v[n][e], multiply_halves(c2, half_cot_y.v[e]));
          }
        }
        cot_z3.set(cot3);

        HalfTile<H> cot_m;  // of the gated message first
        multiply(
            cot3, b.weights.half_matrix<H>(layer, kC1, true),
            [&](int n, float(&from)[2][4]) {
              set_zero(from);
              if (last) return;
#pragma unroll
              for (int half = 0; half < 2; ++half) {
                const int c = 16 * n + 8 * half + lane_column();
                const float* const low = g.cot_sums + static_cast<std::size_t>(rows.low_node) * H + c;
                const float* const high = g.cot_sums + static_cast<std::size_t>(rows.high_node) * H + c;
#pragma unroll
                for (int e = 0; e < 2; ++e) {
                  from[half][e] = mask.low * low[e];
                  from[half][2 + e] = mask.high * high[e];
                }
              }
            },
            [&](int n, const float(&from)[2][4]) { set_halves(cot_m, n, from); });
        const Pair cot_gate = row_product(cot_m, m);
        const Pair cot_s{cot_gate.low * gate.low * (1 - gate.low),
                         cot_gate.high * gate.high * (1 - gate.high)};
        add(sum_att, column_sum(m, cot_s));
        sum_att_bias += sum_of_rows(cot_s);
        const HalfPair half_cot_s(cot_s);
#pragma unroll
        for (int n = 0; n < H / 8; ++n) {
          const std::uint32_t att = vectors.att[4 * n + lane_column() / 2];
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            const std::uint32_t cot_of_m =
                multiply_add_halves(half_cot_s.v[e], att, multiply_halves(cot_m.v[n][e], half_gate.v[e]));
            cot_m.v[n][e] = multiply_halves(cot_of_m, slope2.v[n][e]);
          }
        }
        cot_z2.set(cot_m);

        HalfTile<H>& cot1 = m;
        Pair from_d2{0, 0}, from_d2_input{0, 0};
        multiply(
            cot_m, b.weights.half_matrix<H>(layer, kW2, true),
            [&](int, float(&from)[2][4]) { set_zero(from); },
            [&](int n, float(&from)[2][4]) {
#pragma unroll
              for (int half = 0; half < 2; ++half) {
                const int tile8 = 2 * n + half, c = 8 * tile8 + lane_column();
#pragma unroll
                for (int e = 0; e < 4; ++e) {
                  const std::uint32_t slopes = slope1.v[tile8][e / 2];
                  from[half][e] *= e % 2 == 0 ? low_half(slopes) : high_half(slopes);
                  cot_p.v[tile8][e] += from[half][e];
                }
#pragma unroll
                for (int e = 0; e < 2; ++e) {
                  from_d2.low += from[half][e] * vectors.w_d2[c + e];
                  from_d2.high += from[half][2 + e] * vectors.w_d2[c + e];
                  from_d2_input.low += from[half][e] * vectors.w_d2_input[c + e];
                  from_d2_input.high += from[half][2 + e] * vectors.w_d2_input[c + e];
                }
              }
              set_halves(cot1, n, from);
            });
        from_d2 = row_sum(from_d2);
        from_d2_input = row_sum(from_d2_input);
        const ColumnSum<H> cot_q = column_sum(cot1, Pair{1, 1});
        if (there) store(cot_q, g.parts.q + (static_cast<std::size_t>(tile) * b.particles + j) * H, false);
        add(sum_w_d2, column_sum(cot1, edge.d2));
        add(sum_w_d2_input, column_sum(cot1, edge.d2_input));

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
        if (there && lane_index() == 0) {
          g.parts.x[static_cast<std::size_t>(tile) * b.particles + j] = part;
          g.parts.x0[static_cast<std::size_t>(tile) * b.particles + j] = part0;
        }

        synchronise_block();
        const bool second = OuterSums<H, warps>::product() == 1;
        sums.template add<true>(second ? cot_z3 : cot_z2, second ? gated : a1);
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

}  // namespace EQUIBOLT_CUDA_NAMESPACE
