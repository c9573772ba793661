#pragma once

#include "egnn/cuda/half_message.h"
#include "egnn/cuda/half_sums.h"

/// EdgeForward and EdgeBackward of gradients in half precision: what lies in a message's features is rounded
/// to 11 bits, all that is summed over edges is added in float32. Cotangents come multiplied by a power of
/// two that makes them of order 1 (Backward::unscale is its inverse). Most sums, over features,
/// over edges or of two terms, are left to the tensor cores: they have time, the other units have not.
namespace EQUIBOLT_CUDA_NAMESPACE {

template <int H>
struct HalfEdgeForward {
  static constexpr int warps = 4;
  static constexpr int threads = 32 * warps, blocks_per_processor = H == 32 ? 5 : H == 64 ? 3 : 2;
  using Kept = EdgeWeights<H, false>;
  using P = KeptRows<H, true>;
  static std::size_t shared_bytes() { return Kept::bytes + sizeof(Lanes4) * warps * P::words; }
  Batch b;
  int layer;

  EQUIBOLT_DEVICE void operator()() const {
    const Kept weights(b.weights, layer, shared_memory(), threads);
    P p{reinterpret_cast<Lanes4*>(shared_memory() + Kept::bytes) + warp_index() * P::words};
    const LaneWords<H> att(weights.att), c2(weights.c2);
    const std::uint32_t identity = identity_word();
    const int k = lane_index() & 3;  // the lane's dimension
    HalfTile<H> none;

    for (int tile = block_index() * warps + warp_index(); tile < b.row_tiles();
         tile += block_count() * warps) {
      const RowTile rows(b, tile);
      p.set(b.p + b.at(layer) * H, rows, 0.5F);
      const float xi[2] = {b.x[rows.low_node].v[k], b.x[rows.high_node].v[k]};
      const float ui[2] = {b.u[b.at(layer) + rows.low_node].v[k], b.u[b.at(layer) + rows.high_node].v[k]};
      const FirstArgument<H> first_argument(b, layer, rows);
      OthersAhead others(b, layer, rows, k);
      Tile<H> sums;
      set_zero(sums);
      float moved[2] = {};
#pragma unroll 1
      for (int j = 0; j < b.particles; ++j) {
        const EdgesToOne edge(xi, ui, others.next_x, others.next_u);
        others.load(b, layer, j + 1 < b.particles ? j + 1 : j);
        HalfTile<H> a = first_argument(HalfDistances(edge), j, p);
        apply_silu_to_half<H, false>(a, none);
        HalfTile<H> m = affine<H, Kept::shared>(a, weights.w2, weights.b2);
        apply_silu_to_half<H, false>(m, none);
        Pair gate = row_product(m, att);
        gate = {sigmoid(gate.low + weights.att_bias), sigmoid(gate.high + weights.att_bias)};
        if (rows.low == j) gate.low = 0;
        if (rows.high == j) gate.high = 0;
        multiply_rows(m, HalfPair(gate));
        add(sums, m, identity);
        a = affine<H, Kept::shared>(m, weights.c1, weights.bc);
        apply_silu_to_half<H, false>(a, none);
        const Pair y = row_product(a, c2);
        moved[0] += fast_tanh(y.low) * edge.inverse_length.low * edge.r[0];
        moved[1] += fast_tanh(y.high) * edge.inverse_length.high * edge.r[1];
      }
      store(sums, b.sums + (b.at(layer) + rows.low_node) * H, rows.low_valid,
            b.sums + (b.at(layer) + rows.high_node) * H, rows.high_valid);
      Position* const after = b.u + b.at(layer + 1);
      if (rows.low_valid) after[rows.low_node].v[k] = ui[0] + b.range * moved[0];
      if (rows.high_valid) after[rows.high_node].v[k] = ui[1] + b.range * moved[1];
    }
  }
};

template <int H>
struct HalfEdgeBackward {
  static constexpr int warps = H == 32 ? 4 : 8;
  static constexpr int threads = 32 * warps, blocks_per_processor = H == 32 ? 3 : 1;
  using Kept = EdgeWeights<H, true>;
  using Rows = Staged<H, 1, warps>;
  using P = KeptRows<H, Kept::shared>;
  using CotSums = KeptHalfRows<H, Kept::shared>;
  static constexpr std::size_t words_of_warp = P::words + CotSums::words;
  static std::size_t shared_bytes() {
    return Kept::bytes + sizeof(Lanes4) * warps * words_of_warp + 5 * Rows::bytes;
  }
  Batch b;
  Backward g;
  int layer;
  bool last;  ///< S̄ = 0

  EQUIBOLT_DEVICE void operator()() const {
    const Kept weights(b.weights, layer, shared_memory(), threads);
    auto* const kept = reinterpret_cast<Lanes4*>(shared_memory() + Kept::bytes);
    P p{kept + warp_index() * words_of_warp};
    CotSums cot_sums{p.at + P::words};
    auto* const staged = reinterpret_cast<std::uint16_t*>(kept + warps * words_of_warp);
    const Rows cot_z2{staged}, a1{staged + Rows::part}, cot_z3{staged + 2 * Rows::part},
        gated{staged + 3 * Rows::part}, own{staged + 4 * Rows::part};
    const std::uint32_t identity = identity_word();
    const int k = lane_index() & 3;  // the lane's dimension

    WeightedSums<H> vector_sums{};
    float sum_att_bias = 0;
    const int groups = (b.row_tiles() + warps - 1) / warps;
    for (int group = block_index(); group < groups; group += block_count()) {
      const int tile = group * warps + warp_index();
      const RowTile rows(b, tile);
      const PartsOfTile<H> parts(b, tile, rows);
      p.set(b.p + b.at(layer) * H, rows, 0.5F);
      if (!last) cot_sums.set(g.cot_sums, rows);
      const float xi[2] = {b.x[rows.low_node].v[k], b.x[rows.high_node].v[k]};
      const float ui[2] = {b.u[b.at(layer) + rows.low_node].v[k], b.u[b.at(layer) + rows.high_node].v[k]};
      const float cot[2] = {g.cot_u[rows.low_node].v[k], g.cot_u[rows.high_node].v[k]};
      const FirstArgument<H> first_argument(b, layer, rows);
      OthersAhead others(b, layer, rows, k);
      Tile<H> cot_p;
      set_zero(cot_p);
      float cot_u[2] = {}, cot_x[2] = {};
      OuterSums<H, warps> sums;
      sums.set_zero();

#pragma unroll 1
      for (int j = 0; j < b.particles; ++j) {
        const EdgesToOne edge(xi, ui, others.next_x, others.next_u);
        others.load(b, layer, j + 1 < b.particles ? j + 1 : j);
        const HalfDistances distances(edge);
        const Pair mask{rows.low_valid && rows.low != j ? 1.0F : 0.0F,
                        rows.high_valid && rows.high != j ? 1.0F : 0.0F};
        HalfTile<H> slope1, slope2, slope3;
        HalfTile<H> a = first_argument(distances, j, p);
        apply_silu_to_half<H, true>(a, slope1);
        a1.set(a);
        HalfTile<H> m = affine<H, Kept::shared>(a, weights.w2, weights.b2);
        apply_silu_to_half<H, true>(m, slope2);
        Pair gate = row_product(m, LaneWords<H>(weights.att));
        gate = {sigmoid(gate.low + weights.att_bias), sigmoid(gate.high + weights.att_bias)};
        a = m;
        multiply_rows(a, HalfPair(gate));
        gated.set(a);
        HalfTile<H> z3 = affine<H, Kept::shared>(a, weights.c1, weights.bc);
        apply_silu_to_half<H, true>(z3, slope3);
        const LaneWords<H> c2(weights.c2);
        const Pair y = row_product(z3, c2);
        const Pair phi{fast_tanh(y.low), fast_tanh(y.high)};

        // u_i += range φ r / length
        Pair along = row_sum(Pair{cot[0] * edge.r[0], cot[1] * edge.r[1]});
        along = {mask.low * along.low * b.range * edge.inverse_length.low,
                 mask.high * along.high * b.range * edge.inverse_length.high};
        const Pair cot_y{along.low * (1 - phi.low * phi.low), along.high * (1 - phi.high * phi.high)};
        own.set(z3);
        synchronise_warp();
        vector_sums.add_c2(cot_y, own);

        const HalfPair half_cot_y(cot_y);
        HalfTile<H>& cot3 = slope3;
#pragma unroll
        for (int n = 0; n < H / 8; ++n) {
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            cot3.v[n][e] = multiply_halves(slope3.v[n][e], multiply_halves(c2.v[n], half_cot_y.v[e]));
          }
        }
        cot_z3.set(cot3);

        HalfTile<H> cot_m =
            product<H, Kept::shared>(cot3, weights.c1_transposed);  // of the gated message first
        if (!last) cot_sums.add_to(cot_m);
        const Pair cot_gate = row_product(cot_m, m);
        const Pair of_gated{mask.low * cot_gate.low * (1 - gate.low),
                            mask.high * cot_gate.high * (1 - gate.high)};
        const Pair cot_s{of_gated.low * gate.low, of_gated.high * gate.high};
        sum_att_bias += cot_s.low + cot_s.high;
        const HalfPair half_cot_s(cot_s), masked_gate(Pair{mask.low * gate.low, mask.high * gate.high});
        const LaneWords<H> att(weights.att);
#pragma unroll
        for (int n = 0; n < H / 8; ++n) {
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            const std::uint32_t cot_of_m = multiply_add_halves(
                half_cot_s.v[e], att.v[n], multiply_halves(cot_m.v[n][e], masked_gate.v[e]));
            cot_m.v[n][e] = multiply_halves(cot_of_m, slope2.v[n][e]);
          }
        }
        cot_z2.set(cot_m);

        HalfTile<H> cot1 = product<H, Kept::shared>(cot_m, weights.w2_transposed);
        multiply(cot1, slope1);
        add(cot_p, cot1, identity);
        float from_d2[4];  // each row's of d² and d²_input
        row_products(cot1, LaneWords<H>(weights.distances), from_d2);
        synchronise_warp();
        own.set(cot1);
        synchronise_warp();
        vector_sums.add_rest(distances, own, of_gated, gated, parts.weights, parts.of_q(g.parts, j));

        // length = √(d² + 1e-8) + 1
        const float cot_d2[2] = {
            from_d2[0] - 0.5F * along.low * phi.low * edge.inverse_length.low * edge.inverse_distance.low,
            from_d2[2] -
                0.5F * along.high * phi.high * edge.inverse_length.high * edge.inverse_distance.high};
        const float cot_d2_input[2] = {from_d2[1], from_d2[3]};
        const float shift[2] = {mask.low * phi.low * edge.inverse_length.low * b.range,
                                mask.high * phi.high * edge.inverse_length.high * b.range};
        float cot_r[2], cot_r0[2];
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          cot_r[e] = cot[e] * shift[e] + 2 * edge.r[e] * cot_d2[e];
          cot_r0[e] = 2 * edge.r0[e] * cot_d2_input[e];
          cot_u[e] += cot_r[e];
          cot_x[e] += cot_r0[e];
        }
        parts.set_positions(g.parts, j, k, cot_r, cot_r0);

        synchronise_block();
        const bool second = OuterSums<H, warps>::product() == 1;
        sums.template add<true>(second ? cot_z3 : cot_z2, second ? gated : a1);
        synchronise_block();
      }
      sums.add_to(g.edge_sums + (static_cast<std::size_t>(layer) * g.edge_slots + block_index()) * 2 *
                                    OuterSums<H, warps>::size);
      store(cot_p, g.cot_p + static_cast<std::size_t>(rows.low_node) * H, rows.low_valid,
            g.cot_p + static_cast<std::size_t>(rows.high_node) * H, rows.high_valid);
      if (rows.low_valid) {
        g.cot_u_rows[rows.low_node].v[k] = cot_u[0];
        g.cot_x_rows[rows.low_node].v[k] = cot_x[0];
      }
      if (rows.high_valid) {
        g.cot_u_rows[rows.high_node].v[k] = cot_u[1];
        g.cot_x_rows[rows.high_node].v[k] = cot_x[1];
      }
    }
    float* const to =
        g.edge_vectors +
        ((static_cast<std::size_t>(layer) * g.edge_slots + block_index()) * warps + warp_index()) *
            edge_vector_size(H);
    vector_sums.add_to(to);
#pragma unroll
    for (int lanes = 4; lanes <= 16; lanes *= 2) sum_att_bias += exchange(sum_att_bias, lanes);
    if (lane_index() == 0) to[4 * H] += sum_att_bias;
  }
};

}  // namespace EQUIBOLT_CUDA_NAMESPACE
