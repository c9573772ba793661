#pragma once

#include "egnn/cuda/batch.h"
#include "egnn/cuda/half_tile.h"

/// What both passes of half_edges.h make a message of: its weights, the edge's lengths, the first argument,
/// and the rows of particles that each j needs again.
namespace EQUIBOLT_CUDA_NAMESPACE {

/// A layer's weights in shared memory; matrices where they fit. Those that lead to an argument of silu are
/// half of what they are, as apply_silu_to_half wants it. Transposed matrices are there where `Transposed`.
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
      next_x[e] = (&b.x->v[0])[first[e] + 4 * j];
      next_u[e] = (&(b.u + b.at(layer))->v[0])[first[e] + 4 * j];
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

}  // namespace EQUIBOLT_CUDA_NAMESPACE
