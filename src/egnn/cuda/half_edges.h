#pragma once

#include "egnn/cuda/backward.h"
#include "egnn/cuda/half_tile.h"

/// EdgeForward and EdgeBackward of gradients in half precision: what lies in a message's features is rounded
/// to 11 bits, all that is summed over edges is added in float32. Cotangents come multiplied by a power of
/// two that makes them of order 1 (Backward::unscale is its inverse). Whatever is a sum, over features, over
/// edges or of two terms, is left to the tensor cores: they have time, the other units have not.
namespace EQUIBOLT_CUDA_NAMESPACE {

/// A layer's weights in shared memory; matrices where they fit. Those that lead to an argument of silu are
/// half of what they are, as apply_silu_to_half wants it.
template <int H, bool Transposed>
struct EdgeWeights {
  static constexpr bool shared = H <= 64;
  static constexpr int matrices = Transposed ? 4 : 2;
  static constexpr std::size_t matrix_words = shared ? matrices * packed_size(H, H) : 0;
  static constexpr std::size_t bytes = sizeof(Lanes4) * matrix_words + sizeof(float) * (2 * H + 4 * H / 2);
  const Lanes4 *w2, *c1, *w2_transposed, *c1_transposed;
  const float *b2, *bc;
  const std::uint32_t *att, *c2, *distances;  ///< for LaneWords; the last for row_products
  float att_bias;

  /// All threads of the block.
  EQUIBOLT_DEVICE EdgeWeights(const Weights& weights, int layer, char* memory, int threads) {
    const Lanes4* const all = weights.half_matrices<H>(layer);
    auto* const kept = reinterpret_cast<Lanes4*>(memory);
    constexpr int size = packed_size(H, H),
                  step = Transposed ? 1 : 2;  // the second and fourth are transposed
    if constexpr (shared) {
      for (int k = thread_index(); k < matrices * size; k += threads) {
        kept[k] = load4(all + k / size * step * size + k % size);
      }
    }
    const Lanes4* const from = shared ? kept : all;
    w2 = from;
    w2_transposed = from + size;
    c1 = from + (shared ? matrices / 2 : 2) * size;
    c1_transposed = c1 + size;

    auto* const vectors = reinterpret_cast<float*>(kept + matrix_words);
    for (int k = thread_index(); k < 2 * H; k += threads) {
      vectors[k] = 0.5F * weights.vector<H>(layer, k < H ? kB2 : kBc)[k % H];
    }
    auto* const words = reinterpret_cast<std::uint32_t*>(vectors + 2 * H);
    constexpr Vector wanted[] = {kAtt, kC2, kWd2, kWd2in};
    for (int k = thread_index(); k < 4 * H / 2; k += threads) {
      const int n = k % (H / 8), q = k / (H / 8) % 4;
      const float* const two = weights.vector<H>(layer, wanted[k / (H / 2)]) + 8 * n + 2 * q;
      words[k] = halves(two[0], two[1]);
    }
    synchronise_block();
    b2 = vectors;
    bc = vectors + H;
    att = words;
    c2 = words + H / 2;
    distances = words + (lane_row() % 2 == 0 ? 2 : 3) * (H / 2);
    att_bias = weights.vector<H>(layer, kAttBias)[0];
  }
};

/// A warp's 16 edges to one j, the lanes of a row having a dimension each: the lane's of x_i − x_j at the
/// layer and at the input, and what they have in common.
struct EdgesToOne {
  float r[2], r0[2];
  Pair d2, d2_input, inverse_distance, inverse_length;

  EQUIBOLT_DEVICE EdgesToOne(const float (&xi)[2], const float (&ui)[2], const float (&xj)[2],
                             const float (&uj)[2]) {
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      r0[e] = xi[e] - xj[e];
      r[e] = r0[e] + (ui[e] - uj[e]);
    }
    d2 = row_sum(Pair{r[0] * r[0], r[1] * r[1]});
    d2_input = row_sum(Pair{r0[0] * r0[0], r0[1] * r0[1]});
    const Pair square{d2.low + 1e-8F, d2.high + 1e-8F};
    inverse_distance = {fast_inverse_square_root(square.low), fast_inverse_square_root(square.high)};
    inverse_length = {fast_reciprocal(square.low * inverse_distance.low + 1),
                      fast_reciprocal(square.high * inverse_distance.high + 1)};
  }
};

/// Squared distances in two half-precision numbers each, d² in the lower half: of the lane's two rows.
struct HalfDistances {
  std::uint32_t large[2], small[2];
  EQUIBOLT_DEVICE explicit HalfDistances(const EdgesToOne& edge) {
    const float d2[2] = {edge.d2.low, edge.d2.high}, d2_input[2] = {edge.d2_input.low, edge.d2_input.high};
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      large[e] = halves(d2[e], d2_input[e]);
      small[e] = halves(d2[e] - low_half(large[e]), d2_input[e] - high_half(large[e]));
    }
  }
};

/// z₁/2 = p_i/2 + q_j/2 + d² w/2 + d²_input w′/2 of 16 edges to one j, as one product of eight terms: left
/// are d² and d²_input in two parts and ones; right w and w′ in two parts and q_j. Where the tile's rows are
/// of two samples, eight terms more have the other's q_j.
template <int H>
struct FirstArgument {
  const std::uint32_t* words;  ///< the lane's of the right operand, for j = 0
  int step;                    ///< and how much further for the next j
  int to_second;               ///< and for the second sample
  std::uint32_t selector;
  std::uint32_t ones[2], second_ones[2];  ///< for the rows of each sample; for lanes that have q_j
  bool two_samples;

  EQUIBOLT_DEVICE FirstArgument(const Batch& b, int layer, const RowTile& rows)
      : two_samples(rows.split < 16) {
    const int q = lane_index() & 3;
    const auto* const of_particles =
        reinterpret_cast<const std::uint32_t*>(b.q) + (b.at(layer) + rows.first) * H;
    words = (q == 3 ? of_particles : b.weights.distances + (layer * 3 + q) * H) + lane_row();
    step = q == 3 ? H : 0;
    to_second = b.particles * step;
    selector = q == 0 ? 0x5410 : q == 1 ? 0x7632 : 0x3210;
    const bool first_sample[2] = {lane_row() < rows.split, lane_row() + 8 < rows.split};
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      ones[e] = first_sample[e] ? 0x3c003c00U : 0U;
      second_ones[e] = q == 3 && !first_sample[e] ? 0x3c003c00U : 0U;
    }
  }

  /// `p(n, sums)` sets (4,) to p_i/2 of columns 8 n ….
  template <typename P>
  EQUIBOLT_DEVICE HalfTile<H> operator()(const HalfDistances& d2, int j, const P& p) const {
    const bool has_q = (lane_index() & 3) == 3;
    std::uint32_t a[4];
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      a[e] = has_q ? ones[e] : permute(d2.large[e], d2.small[e], selector);
      a[2 + e] = second_ones[e];
    }
    const std::uint32_t* const right = words + j * step;
    HalfTile<H> z;
    if (two_samples) {
#pragma unroll
      for (int n = 0; n < H / 8; ++n) {
        float sums[4];
        p(n, sums);
        multiply_add_halves(sums, a, right[8 * n], has_q ? right[to_second + 8 * n] : 0U);
        set(z, n, sums);
      }
    } else {
      const std::uint32_t first_terms[2] = {a[0], a[1]};
#pragma unroll
      for (int n = 0; n < H / 8; ++n) {
        float sums[4];
        p(n, sums);
        multiply_add_halves(sums, first_terms, right[8 * n]);
        set(z, n, sums);
      }
    }
    return z;
  }

 private:
  EQUIBOLT_DEVICE static void set(HalfTile<H>& z, int n, const float (&sums)[4]) {
    z.v[n][0] = halves(sums[0], sums[1]);
    z.v[n][1] = halves(sums[2], sums[3]);
  }
};

/// Coordinate k of particle j of the lane's two rows' samples, now and displaced; those of the next j are on
/// their way meanwhile.
struct OthersAhead {
  int first[2];  ///< where j = 0 lies
  float next_x[2], next_u[2];

  EQUIBOLT_DEVICE OthersAhead(const Batch& b, int layer, const RowTile& rows, int k)
      : first{4 * rows.low_first + k, 4 * rows.high_first + k} {
    load(b, layer, 0);
  }
  EQUIBOLT_DEVICE void load(const Batch& b, int layer, int j) {
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      next_x[e] = b.x->v[first[e] + 4 * j];
      next_u[e] = (b.u + b.at(layer))->v[first[e] + 4 * j];
    }
  }
};

/// A warp's rows of an array (B·N, H), times a factor: `Shared`, in shared memory, where each lane finds what
/// it has left there; else read from the array each time.
template <int H, bool Shared>
struct KeptRows {
  static constexpr std::size_t words = Shared ? H / 8 * 32 : 0;
  Lanes4* at;  ///< of the warp
  const float *low = nullptr, *high = nullptr;
  float factor = 1;
  EQUIBOLT_DEVICE void set(const float* array, const RowTile& rows, float times) {
    low = array + static_cast<std::size_t>(rows.low_node) * H + lane_column();
    high = array + static_cast<std::size_t>(rows.high_node) * H + lane_column();
    factor = times;
    if constexpr (Shared) {
#pragma unroll
      for (int n = 0; n < H / 8; ++n) {
        at[32 * n + lane_index()] = {bits(factor * low[8 * n]), bits(factor * low[8 * n + 1]),
                                     bits(factor * high[8 * n]), bits(factor * high[8 * n + 1])};
      }
    }
  }
  EQUIBOLT_DEVICE void operator()(int n, float (&sums)[4]) const {
    if constexpr (Shared) {
      const Lanes4 kept = at[32 * n + lane_index()];
      sums[0] = number(kept.x);
      sums[1] = number(kept.y);
      sums[2] = number(kept.z);
      sums[3] = number(kept.w);
    } else {
      sums[0] = factor * low[8 * n];
      sums[1] = factor * low[8 * n + 1];
      sums[2] = factor * high[8 * n];
      sums[3] = factor * high[8 * n + 1];
    }
  }
  EQUIBOLT_DEVICE static std::uint32_t bits(float x) {
    return __builtin_bit_cast(std::uint32_t, x);
  }
  EQUIBOLT_DEVICE static float number(std::uint32_t x) {
    return __builtin_bit_cast(float, x);
  }
};

/// The same in half precision.
template <int H, bool Shared>
struct KeptHalfRows {
  static constexpr std::size_t words = Shared ? H / 16 * 32 : 0;
  Lanes4* at;
  const float *low = nullptr, *high = nullptr;
  EQUIBOLT_DEVICE void set(const float* array, const RowTile& rows) {
    low = array + static_cast<std::size_t>(rows.low_node) * H + lane_column();
    high = array + static_cast<std::size_t>(rows.high_node) * H + lane_column();
    if constexpr (Shared) {
#pragma unroll
      for (int n = 0; n < H / 16; ++n) at[32 * n + lane_index()] = rounded(n);
    }
  }
  EQUIBOLT_DEVICE void add_to(HalfTile<H>& x) const {
#pragma unroll
    for (int n = 0; n < H / 16; ++n) {
      const Lanes4 kept = Shared ? at[32 * n + lane_index()] : rounded(n);
      x.v[2 * n][0] = add_halves(x.v[2 * n][0], kept.x);
      x.v[2 * n][1] = add_halves(x.v[2 * n][1], kept.y);
      x.v[2 * n + 1][0] = add_halves(x.v[2 * n + 1][0], kept.z);
      x.v[2 * n + 1][1] = add_halves(x.v[2 * n + 1][1], kept.w);
    }
  }

 private:
  EQUIBOLT_DEVICE Lanes4 rounded(int n) const {
    return {halves(low[16 * n], low[16 * n + 1]), halves(high[16 * n], high[16 * n + 1]),
            halves(low[16 * n + 8], low[16 * n + 9]), halves(high[16 * n + 8], high[16 * n + 9])};
  }
};

/// tanh by an exponential: 10⁻⁷ of 1.
EQUIBOLT_DEVICE float fast_tanh(float x) {
  return 1 - 2 * fast_reciprocal(exponential(2 * x) + 1);
}

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

/// Sums over edges of vectors (H,), each with a weight of its edge: row m of the left operand has weights m
/// of the 16 edges. A lane has of row g the columns 8 n + 2 q and the next.
template <int H>
struct WeightedSums {
  /// What is summed, in the order of rows; distances in two parts.
  enum Row { kCotQ, kSecondCotQ, kC2, kAtt, kD2, kD2Input, kD2Small, kD2InputSmall };
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
    const bool mine = lane_row() == kC2;
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

  /// Of w and w′ by z̄₁ in `rows`, of att by the gated message. Lanes of kCotQ and kSecondCotQ leave Σ_i z̄₁,
  /// with their `ones` as weights, in cot_q (H,) if that is not null.
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
      weights[k] = row <= kSecondCotQ ? ones[k] : only(row >= kD2, weights[k]);
      of_gated[k] = only(row == kAtt, of_gated[k]);
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
    const int vector = row == kD2 ? 0 : row == kD2Input ? 1 : row == kAtt ? 2 : row == kC2 ? 3 : -1;
#pragma unroll
    for (int n = 0; n < H / 8; ++n) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const float small = exchange(v[n][e], 4 * (kD2Small - kD2));
        if (vector >= 0)
          vectors[vector * H + 8 * n + lane_column() + e] += v[n][e] + (row >= kD2 ? small : 0);
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
      weights[2];  ///< for lanes of rows kCotQ and kSecondCotQ: ones where the rows are of that sample

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
    const bool second = row == WeightedSums<H>::kSecondCotQ && split < 16;
    if (first < 0 || (row != WeightedSums<H>::kCotQ && !second)) return nullptr;
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
