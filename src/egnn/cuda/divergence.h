#pragma once

#include "egnn/cuda/forward.h"

/// The exact divergence by N·D forward tangents (docs/mathematics-divergence.md, sections 1 to 3, whose
/// symbols these are): per layer EdgeLinearize, which takes the place of EdgeForward; FirstTangents for layer
/// 0 and MessageTangents for those in the middle; NodeTangents; and Trace for the last. The h² numbers of
/// J_ij are made once for each edge, as a right operand in shared memory, and multiply all tangents of
/// particle j.
namespace EQUIBOLT_CUDA_NAMESPACE {

/// ω, α, β of an edge.
struct EdgeScalars {
  float omega, alpha, beta, unused;
};

/// Tangents k = p·D + d are the rows of tiles: K of them, T padded to a multiple of 16.
struct Tangents {
  int count;   ///< T = N·D
  int padded;  ///< K
  // Of each edge, at (sample·N + i)·N + j
  float* s1;      ///< silu′ of the first map, as all (…, H)
  float* gs2;     ///< g silu′ of the second
  float* m;       ///< (1 − g) m̂
  float* rho;     ///< s₁ W₂ᵀ(g s₂ a): J = gs2 ⊗ s1 ∘ W₂ + m ⊗ rho
  float* lambda;  ///< q λ
  float* kappa;   ///< J u; in layer 0 J (u + w)
  float* kappa0;  ///< J w
  EdgeScalars* scalars;
  float* slope;  ///< (B·N, H): silu′ of the node network
  // Of each particle and tangent
  float* u;       ///< (B·N, 3, K): of the displacement
  float* u_next;  ///< after the layer
  float* dh;      ///< (B·N, K, H)
  float* dsums;   ///< (B·N, K, H): of Σ_j m
  Lanes4* dp;  ///< (B·N, K/16, H/16, 3, 32): A ḣ as left operands; before the last layer (B·N, K, H) floats
  Lanes4* dq;     ///< B ḣ, the same
  float* traces;  ///< (B·N,)

  EQUIBOLT_DEVICE std::size_t operands(int node, int tile, int h) const {
    return (static_cast<std::size_t>(node) * (padded / 16) + tile) * (h / 16) * 3 * 32;
  }
};

template <int H>
EQUIBOLT_DEVICE void store_rows(const Tile<H>& x, float* array, const RowTile& rows, std::size_t low,
                                std::size_t high) {
  store(x, array + low * H, rows.low_valid, array + high * H, rows.high_valid);
}

/// The forward pass over a layer's edges with all that one edge contributes to tangents.
template <int H>
struct EdgeLinearize {
  static constexpr int warps = edge_warps(H);
  static constexpr int threads = 32 * warps, blocks_per_processor = H == 32 ? 3 : H == 64 ? 2 : 1;
  static std::size_t shared_bytes() { return sizeof(float) * (7 * H + warps * 16 * (H + 8)); }
  Batch b;
  Tangents g;
  int layer;
  bool first, last;

  /// J times a vector, for each row: y comes as s₁ times the vector.
  EQUIBOLT_DEVICE Tile<H> jacobian(const Tile<H>& y, const Tile<H>& gs2, const Tile<H>& m,
                                   const float* att) const {
    Tile<H> x;
    set_zero(x);
    add_product(x, y, b.weights.matrix<H>(layer, kW2));
    multiply(x, gs2);
    const Pair along = row_product(x, att);
    Tile<H> rest = m;
    multiply_rows(rest, along);
    add(x, rest);
    return x;
  }

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
#pragma unroll 1
      for (int j = 0; j < b.particles; ++j) {
        const EdgeGeometry edge(xi, ui, x[j], u[j]);
        const std::size_t low = static_cast<std::size_t>(rows.low_node) * b.particles + j;
        const std::size_t high = static_cast<std::size_t>(rows.high_node) * b.particles + j;
        Tile<H> a, m, s1, gs2;
        first_argument(a, p, q + static_cast<std::size_t>(j) * H, edge, w_d2, w_d2_input);
        apply_silu(a, s1);
        set_rows(m, b2);
        add_product(m, a, b.weights.matrix<H>(layer, kW2));
        apply_silu(m, gs2);
        Pair gate = row_product(m, att);
        gate = {sigmoid(gate.low + att_bias), sigmoid(gate.high + att_bias)};
        if (rows.low == j) gate.low = 0;  // then J = 0 and λ = 0
        if (rows.high == j) gate.high = 0;
        multiply_rows(gs2, gate);
        a = m;
        multiply_rows(a, gate);
        add(sums, a);
        multiply_rows(m, Pair{1 - gate.low, 1 - gate.high});
        Tile<H> z3, cot;
        set_rows(z3, bc);
        add_product(z3, a, b.weights.matrix<H>(layer, kC1));
        apply_silu(z3, cot);
        const Pair y = row_product(z3, c2);
        const Pair phi{hyperbolic_tangent(y.low), hyperbolic_tangent(y.high)};
        const Pair f{b.range * phi.low, b.range * phi.high};
        const Pair& inverse = edge.inverse_length;
        const Pair omega{f.low * inverse.low, f.high * inverse.high};
#pragma unroll
        for (int k = 0; k < max_dim; ++k) {
          moved[0][k] += omega.low * edge.r[0][k];
          moved[1][k] += omega.high * edge.r[1][k];
        }

        // q λ
        multiply_columns(cot, c2);
        multiply_rows(cot, Pair{inverse.low * b.range * (1 - phi.low * phi.low),
                                inverse.high * b.range * (1 - phi.high * phi.high)});
        set_zero(z3);
        add_product(z3, cot, b.weights.matrix<H>(layer, kC1, true));
        const Pair along = row_product(z3, m);
        add_outer(z3, along, att);
        multiply(z3, gs2);
        set_zero(cot);
        add_product(cot, z3, b.weights.matrix<H>(layer, kW2, true));
        multiply(cot, s1);
        if (!first) store_rows(cot, g.lambda, rows, low, high);
        const Pair alpha = row_product(cot, w_d2), beta = row_product(cot, w_d2_input);
        if (lane_column() == 0) {
          const float slope_low = -0.5F * omega.low * inverse.low / edge.distance.low;
          const float slope_high = -0.5F * omega.high * inverse.high / edge.distance.high;
          if (rows.low_valid) g.scalars[low] = {omega.low, slope_low + alpha.low, beta.low, 0};
          if (rows.high_valid) g.scalars[high] = {omega.high, slope_high + alpha.high, beta.high, 0};
        }
        if (last) continue;

        Tile<H> vector = s1;
        if (first) {
          Tile<H> other = s1;
          multiply_columns(vector, w_d2);
          multiply_columns(other, w_d2_input);
          add(vector, other);
          store_rows(jacobian(vector, gs2, m, att), g.kappa, rows, low, high);
          continue;
        }
        multiply_columns(vector, w_d2);
        store_rows(jacobian(vector, gs2, m, att), g.kappa, rows, low, high);
        vector = s1;
        multiply_columns(vector, w_d2_input);
        store_rows(jacobian(vector, gs2, m, att), g.kappa0, rows, low, high);
        store_rows(s1, g.s1, rows, low, high);
        store_rows(gs2, g.gs2, rows, low, high);
        store_rows(m, g.m, rows, low, high);
        multiply_columns(gs2, att);
        set_zero(cot);
        add_product(cot, gs2, b.weights.matrix<H>(layer, kW2, true));
        multiply(cot, s1);
        store_rows(cot, g.rho, rows, low, high);
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

/// Layer 0 (section 2), a block for each particle i: ∂(Σ_j m_ij)/∂x_p is −2 μ_ip r_ipᵀ, and minus the sum of
/// these for p = i; that of the displacement −P_ip.
template <int H>
struct FirstTangents {
  static constexpr int threads = 128, blocks_per_processor = 4;
  static std::size_t shared_bytes() { return sizeof(float) * (max_dim * H + max_dim * max_dim); }
  Batch b;
  Tangents g;

  EQUIBOLT_DEVICE void operator()() const {
    float* const own = reinterpret_cast<float*>(shared_memory());  // (D, H), then (D, D)
    float* const own_u = own + max_dim * H;
    const int node = block_index(), n = b.particles;
    const int first = node / n * n, i = node % n;
    const float* const mu = g.kappa + static_cast<std::size_t>(node) * n * H;
    const EdgeScalars* const scalars = g.scalars + static_cast<std::size_t>(node) * n;
    const auto r = [&](int p, int d) { return b.x[node].v[d] - b.x[first + p].v[d]; };
    const auto block_of_p = [&](int p, int d, int e) {  // P_ip
      const EdgeScalars& s = scalars[p];
      return (d == e ? s.omega : 0.0F) + 2 * (s.alpha + s.beta) * r(p, d) * r(p, e);
    };
    for (int at = thread_index(); at < b.dim * H; at += threads) {
      float sum = 0;
      for (int p = 0; p < n; ++p) sum += 2 * mu[p * H + at % H] * r(p, at / H);
      own[at] = sum;
    }
    for (int at = thread_index(); at < b.dim * b.dim; at += threads) {
      float sum = 0;
      for (int p = 0; p < n; ++p) sum += p == i ? 0.0F : block_of_p(p, at / b.dim, at % b.dim);
      own_u[at] = sum;
    }
    synchronise_block();
    for (int at = thread_index(); at < g.padded * H; at += threads) {
      const int k = at / H, c = at % H, p = k / b.dim, d = k % b.dim;
      float value = 0;
      if (p == i) {
        value = own[d * H + c];
      } else if (p < n) {
        value = -2 * mu[p * H + c] * r(p, d);
      }
      g.dsums[static_cast<std::size_t>(node) * g.padded * H + at] = value;
    }
    for (int at = thread_index(); at < max_dim * g.padded; at += threads) {
      const int e = at / g.padded, k = at % g.padded, p = k / b.dim, d = k % b.dim;
      float value = 0;
      if (e < b.dim && p < n) value = p == i ? own_u[e * b.dim + d] : -block_of_p(p, e, d);
      g.u[static_cast<std::size_t>(node) * max_dim * g.padded + at] = value;
    }
  }
};

/// ḣ^{l+1} = ḣ + N₂ diag(σ) (N₁ [ḣ, Σ ṁ]) and A ḣ, B ḣ of the next layer; a warp for 16 tangents of a
/// particle.
template <int H>
struct NodeTangents {
  static constexpr int threads = 32 * node_warps, blocks_per_processor = 2;
  static std::size_t shared_bytes() { return 0; }
  Batch b;
  Tangents g;
  int layer;
  bool before_last;

  EQUIBOLT_DEVICE void operator()() const {
    const int tiles = g.padded / 16;
    const int at = block_index() * node_warps + warp_index();
    if (at >= b.nodes() * tiles) return;
    const int node = at / tiles, tile = at % tiles;
    const std::size_t row = (static_cast<std::size_t>(node) * g.padded + 16 * tile + lane_row()) * H;
    Tile<H> x, z;
    set_zero(z);
    load(x, g.dsums + row, g.dsums + row + 8 * H);
    add_product(z, x, b.weights.matrix<H>(layer, kN1s));
    if (layer > 0) {
      load(x, g.dh + row, g.dh + row + 8 * H);
      add_product(z, x, b.weights.matrix<H>(layer, kN1h));
    } else {
      set_zero(x);
    }
    multiply_columns(z, g.slope + static_cast<std::size_t>(node) * H);
    add_product(x, z, b.weights.matrix<H>(layer, kN2));
    store(x, g.dh + row, true, g.dh + row + 8 * H, true);
    for (int part = 0; part < 2; ++part) {
      set_zero(z);
      add_product(z, x, b.weights.matrix<H>(layer + 1, part == 0 ? kA : kB));
      Lanes4* const to = part == 0 ? g.dp : g.dq;
      if (before_last) {
        float* const numbers = reinterpret_cast<float*>(to);
        store(z, numbers + row, true, numbers + row + 8 * H, true);
        continue;
      }
      Lanes4* const operands = to + g.operands(node, tile, H);
#pragma unroll
      for (int k = 0; k < H / 16; ++k) {
        std::uint32_t a[3][4];
        left_operand(z, k, a);
#pragma unroll
        for (int s = 0; s < 3; ++s)
          operands[(k * 3 + s) * 32 + lane_index()] = {a[s][0], a[s][1], a[s][2], a[s][3]};
      }
    }
  }
};

/// A layer in the middle (equations 1 and 2). A block has some particles i of a sample and, for each, some
/// warps with 16 tangents each; while the warps multiply with the J_ij and λ_ij of one j, all threads make
/// those of the next.
template <int H>
struct MessageTangents {
  static constexpr int warps = H == 32 ? 6 : H == 64 ? 12 : 6;
  static constexpr int threads = 32 * warps, blocks_per_processor = H == 32 ? 2 : 1;
  static constexpr int max_particles = H == 32 ? 6 : H == 64 ? 2 : 1;
  static constexpr int operand_words = 3 * 4 * packed_size(H, H);
  static constexpr int lambda_words = 3 * H / 2;
  static constexpr int stage_words = operand_words + lambda_words + 2 * H + 12;
  static constexpr int pieces = H * H / 256;  ///< of J: what a warp makes at a time, 8 numbers a lane
  static constexpr int most_pieces = (max_particles * pieces + warps - 1) / warps;
  static constexpr bool w2_in_shared = H < 128;
  Batch b;
  Tangents g;
  int layer;
  const float* w2;  ///< (L, pieces · 32, 8), in the order of a right operand
  int warps_per_particle, particles_per_block, chunks;  ///< chunks of a particle's tangents

  static MessageTangents make(const Batch& b, const Tangents& g, int layer, const float* w2) {
    const int needed = g.padded / 16;
    const int each = needed < warps ? needed : warps;
    const int particles = warps / each < max_particles ? warps / each : max_particles;
    return {b, g, layer, w2, each, particles, (needed + each - 1) / each};
  }
  EQUIBOLT_DEVICE int groups() const { return (b.particles + particles_per_block - 1) / particles_per_block; }
  std::size_t blocks() const {
    return static_cast<std::size_t>(b.samples) * static_cast<std::size_t>(chunks) *
           static_cast<std::size_t>((b.particles + particles_per_block - 1) / particles_per_block);
  }
  std::size_t shared_bytes() const {
    return sizeof(float) * static_cast<std::size_t>((w2_in_shared ? H * H : 0) +
                                                    particles_per_block * (2 * stage_words + max_dim * H));
  }

  /// What a j leaves for one i: J as a right operand, three parts of λ, κ and κ₀, and [ω, α, β, r, r⁰].
  struct Stage {
    Lanes4* jacobian;
    std::uint32_t* lambda;
    float* kappa;
    float* scalars;
  };
  EQUIBOLT_DEVICE float* stages() const {
    return reinterpret_cast<float*>(shared_memory()) + (w2_in_shared ? H * H : 0);
  }
  EQUIBOLT_DEVICE Stage stage(int buffer, int particle) const {
    float* const at = stages() + (buffer * particles_per_block + particle) * stage_words;
    float* const kappa = at + operand_words + lambda_words;
    return {reinterpret_cast<Lanes4*>(at), reinterpret_cast<std::uint32_t*>(at + operand_words), kappa,
            kappa + 2 * H};
  }

  /// Eight numbers of a right operand, in its three parts.
  EQUIBOLT_DEVICE static void store_operand(Lanes4* operand, int piece, const float (&value)[8]) {
    std::uint32_t parts[4][3];
#pragma unroll
    for (int word = 0; word < 4; ++word) split(value[2 * word], value[2 * word + 1], parts[word]);
#pragma unroll
    for (int s = 0; s < 3; ++s) {
      operand[(s * pieces + piece) * 32 + lane_index()] = {parts[0][s], parts[1][s], parts[2][s],
                                                           parts[3][s]};
    }
  }

  struct Task {  ///< of a block
    int first;   ///< the sample's first particle in the arrays
    int i0;      ///< the block's first, in the sample
    const float* w2;
    float* eta;  ///< (particles, D, H): Σ_j r λ
  };

  /// J and the like of the edges to j, and their sum over j.
  EQUIBOLT_DEVICE void form(const Task& task, int j, float (&total)[most_pieces][8]) const {
    const int n = b.particles;
    const int row = lane_row(), column = lane_column();
#pragma unroll
    for (int w = 0; w < most_pieces; ++w) {
      const int at = warp_index() + w * warps;
      const int particle = at / pieces, piece = at % pieces;
      if (particle >= particles_per_block || task.i0 + particle >= n) continue;
      const std::size_t edge = (static_cast<std::size_t>(task.first + task.i0 + particle) * n + j) * H;
      const int inner = 16 * (piece / (H / 16)) + column, outer = 16 * (piece % (H / 16)) + row;
      const float* const weights = task.w2 + (piece * 32 + lane_index()) * 8;
      float value[8];
#pragma unroll
      for (int e = 0; e < 8; ++e) {  // words in order: inner half, then outer half
        const std::size_t c = edge + outer + 8 * (e / 4), c_inner = edge + inner + 8 * (e / 2 % 2) + e % 2;
        value[e] = g.gs2[c] * (weights[e] * g.s1[c_inner]) + g.m[c] * g.rho[c_inner];
        total[w][e] += value[e];
      }
      store_operand(stage(j % 2, particle).jacobian, piece, value);
    }
    for (int at = thread_index(); at < particles_per_block * H / 2; at += threads) {
      const int particle = at / (H / 2), word = at % (H / 2);
      if (task.i0 + particle >= n) continue;
      const int node = task.first + task.i0 + particle;
      const int c = 2 * word;
      const float* const lambda = g.lambda + (static_cast<std::size_t>(node) * n + j) * H + c;
      const Stage s = stage(j % 2, particle);
      const float low = lambda[0], high = lambda[1];
      std::uint32_t parts[3];
      split(low, high, parts);
      for (int part = 0; part < 3; ++part) s.lambda[part * (H / 2) + word] = parts[part];
      for (int d = 0; d < b.dim; ++d) {
        const float r = (b.x[node].v[d] - b.x[task.first + j].v[d]) +
                        (b.u[b.at(layer) + node].v[d] - b.u[b.at(layer) + task.first + j].v[d]);
        float* const eta = task.eta + (particle * max_dim + d) * H + c;
        eta[0] += r * low;
        eta[1] += r * high;
      }
    }
    for (int at = thread_index(); at < particles_per_block * 2 * H; at += threads) {
      const int particle = at / (2 * H), c = at % (2 * H);
      if (task.i0 + particle >= n) continue;
      const std::size_t edge = (static_cast<std::size_t>(task.first + task.i0 + particle) * n + j) * H;
      stage(j % 2, particle).kappa[c] = c < H ? g.kappa[edge + c] : g.kappa0[edge + c - H];
    }
    if (thread_index() < particles_per_block && task.i0 + thread_index() < n) {
      const int node = task.first + task.i0 + thread_index();
      const EdgeScalars& s = g.scalars[static_cast<std::size_t>(node) * n + j];
      float* const to = stage(j % 2, thread_index()).scalars;
      to[0] = s.omega;
      to[1] = s.alpha;
      to[2] = s.beta;
      for (int d = 0; d < max_dim; ++d) {
        to[6 + d] = b.x[node].v[d] - b.x[task.first + j].v[d];
        to[3 + d] = to[6 + d] + (b.u[b.at(layer) + node].v[d] - b.u[b.at(layer) + task.first + j].v[d]);
      }
    }
  }

  /// 16 tangents of a particle, as left operands of all k.
  struct Operands {
    std::uint32_t words[H / 16][3][4];
  };
  EQUIBOLT_DEVICE static Operands load_operands(const Lanes4* from) {
    Operands a;
#pragma unroll
    for (int k = 0; k < H / 16; ++k) {
#pragma unroll
      for (int s = 0; s < 3; ++s) {
        const Lanes4 w = load4(from + (k * 3 + s) * 32 + lane_index());
        a.words[k][s][0] = w.x;
        a.words[k][s][1] = w.y;
        a.words[k][s][2] = w.z;
        a.words[k][s][3] = w.w;
      }
    }
    return a;
  }

  /// sums += left times J, extra += left times a few columns, of which `column(k, part, words)` gives the
  /// lane's two words.
  template <typename Column>
  EQUIBOLT_DEVICE void multiply(Tile<H>& sums, float (&extra)[4], const Operands& left, const Lanes4* right,
                                const Column& column) const {
#pragma unroll
    for (int n = 0; n < H / 16; ++n) {
      float large[2][4] = {}, small[2][4] = {};
#pragma unroll
      for (int k = 0; k < H / 16; ++k) {
        Lanes4 w[3];
#pragma unroll
        for (int s = 0; s < 3; ++s) w[s] = right[((s * (H / 16) + k) * (H / 16) + n) * 32 + lane_index()];
#pragma unroll
        for (int order = 2; order > 0; --order) {
#pragma unroll
          for (int s = 0; s <= order; ++s) {
            multiply_add(small[0], left.words[k][s], w[order - s].x, w[order - s].y);
            multiply_add(small[1], left.words[k][s], w[order - s].z, w[order - s].w);
          }
        }
        multiply_add(large[0], left.words[k][0], w[0].x, w[0].y);
        multiply_add(large[1], left.words[k][0], w[0].z, w[0].w);
      }
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        sums.v[2 * n][e] += large[0][e] + small[0][e];
        sums.v[2 * n + 1][e] += large[1][e] + small[1][e];
      }
    }
#pragma unroll
    for (int k = 0; k < H / 16; ++k) {
      std::uint32_t w[3][2];
#pragma unroll
      for (int s = 0; s < 3; ++s) column(k, s, w[s]);
#pragma unroll
      for (int order = 2; order >= 0; --order) {
#pragma unroll
        for (int s = 0; s <= order; ++s) {
          multiply_add(extra, left.words[k][s], w[order - s][0], w[order - s][1]);
        }
      }
    }
  }

  EQUIBOLT_DEVICE void operator()() const {
    const int n = b.particles, k_tiles = g.padded / 16;
    Task task{block_index() / chunks / groups() * n, block_index() / chunks % groups() * particles_per_block,
              w2 + static_cast<std::size_t>(layer) * H * H, stages() + 2 * particles_per_block * stage_words};
    if constexpr (w2_in_shared) {
      float* const kept = reinterpret_cast<float*>(shared_memory());
      for (int k = thread_index(); k < H * H; k += threads) kept[k] = task.w2[k];
      task.w2 = kept;
    }
    for (int k = thread_index(); k < particles_per_block * max_dim * H; k += threads) task.eta[k] = 0;
    synchronise_block();

    // This warp's tangents; `idle` warps only help to form.
    const int particle = warp_index() / warps_per_particle;
    const int tile = block_index() % chunks * warps_per_particle + warp_index() % warps_per_particle;
    const bool idle = particle >= particles_per_block || task.i0 + particle >= n || tile >= k_tiles;
    const int i = task.i0 + (idle ? 0 : particle), node = task.first + i;
    int row[2], of_particle[2], of_axis[2];
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      row[e] = 16 * (idle ? 0 : tile) + lane_row() + 8 * e;
      of_particle[e] = row[e] / b.dim;
      of_axis[e] = row[e] % b.dim;
    }
    float own_u[2][max_dim];
    const auto tangents_of = [&](int at) { return g.u + static_cast<std::size_t>(at) * max_dim * g.padded; };
#pragma unroll
    for (int e = 0; e < 2; ++e) {
#pragma unroll
      for (int c = 0; c < max_dim; ++c) own_u[e][c] = tangents_of(node)[c * g.padded + row[e]];
    }

    float total[most_pieces][8] = {};
    Tile<H> sums;
    set_zero(sums);
    float moved[2][max_dim] = {};

    form(task, 0, total);
    synchronise_block();
#pragma unroll 1
    for (int j = 0; j < n; ++j) {
      const Operands left =
          load_operands(g.dq + g.operands(task.first + j, idle ? 0 : tile, H));  // early: far away
      float other_u[2][max_dim];
#pragma unroll
      for (int e = 0; e < 2; ++e) {
#pragma unroll
        for (int c = 0; c < max_dim; ++c) other_u[e][c] = tangents_of(task.first + j)[c * g.padded + row[e]];
      }
      if (j + 1 < n) form(task, j + 1, total);
      if (!idle) {
        const Stage s = stage(j % 2, particle);
        float along[4] = {0, 0, 0, 0};
        multiply(sums, along, left, s.jacobian, [&](int k, int part, std::uint32_t(&words)[2]) {
          const std::uint32_t* const at = s.lambda + part * (H / 2) + 8 * k + lane_column() / 2;
          words[0] = lane_row() == 0 ? at[0] : 0;
          words[1] = lane_row() == 0 ? at[4] : 0;
        });
        const Pair lambda_dq = row_sum(Pair{along[0], along[2]});  // the other columns are zero
        const float omega = s.scalars[0], alpha = s.scalars[1], beta = s.scalars[2];
        float ds[2], ds0[2];
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          const float own = (of_particle[e] == i ? 1.0F : 0.0F) - (of_particle[e] == j ? 1.0F : 0.0F);
          float dx[max_dim];
          ds[e] = 0;
#pragma unroll
          for (int c = 0; c < max_dim; ++c) {
            dx[c] = (c == of_axis[e] ? own : 0.0F) + (own_u[e][c] - other_u[e][c]);
            ds[e] += 2 * s.scalars[3 + c] * dx[c];
          }
          ds0[e] = 2 * s.scalars[6 + of_axis[e]] * own;
          const float change = alpha * ds[e] + beta * ds0[e] + (e == 0 ? lambda_dq.low : lambda_dq.high);
#pragma unroll
          for (int c = 0; c < max_dim; ++c) moved[e][c] += omega * dx[c] + s.scalars[3 + c] * change;
        }
        add_outer(sums, Pair{ds[0], ds[1]}, s.kappa);
        add_outer(sums, Pair{ds0[0], ds0[1]}, s.kappa + H);
      }
      synchronise_block();
    }

    // (Σ_j J_ij) A ḣ_i and Σ_j r λ·A ḣ_i
#pragma unroll
    for (int w = 0; w < most_pieces; ++w) {
      const int at = warp_index() + w * warps;
      if (at / pieces < particles_per_block)
        store_operand(stage(0, at / pieces).jacobian, at % pieces, total[w]);
    }
    synchronise_block();
    if (idle) return;
    float along[4] = {0, 0, 0, 0};
    multiply(sums, along, load_operands(g.dp + g.operands(node, tile, H)), stage(0, particle).jacobian,
             [&](int k, int part, std::uint32_t(&words)[2]) {
               const bool there = lane_row() < b.dim;
               const float* const at =
                   task.eta + (particle * max_dim + (there ? lane_row() : 0)) * H + 16 * k + lane_column();
#pragma unroll
               for (int half = 0; half < 2; ++half) {
                 std::uint32_t parts[3];
                 split(there ? at[8 * half] : 0.0F, there ? at[8 * half + 1] : 0.0F, parts);
                 words[half] = parts[part];
               }
             });
    const std::size_t first_row = static_cast<std::size_t>(node) * g.padded + row[0];
    store(sums, g.dsums + first_row * H, true, g.dsums + (first_row + 8) * H, true);
#pragma unroll
    for (int c = 0; c < max_dim; ++c) {
      if (lane_column() / 2 != c / 2) continue;
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const std::size_t at = (static_cast<std::size_t>(node) * max_dim + c) * g.padded + row[e];
        g.u_next[at] = g.u[at] + moved[e][c] + along[2 * e + c % 2];
      }
    }
  }
};

/// The last layer's share of the divergence: a block for each particle i, Σ_d ∂u_id/∂x_id.
template <int H>
struct Trace {
  static constexpr int threads = 128, blocks_per_processor = 4;
  static std::size_t shared_bytes() { return sizeof(float) * threads / 32; }
  Batch b;
  Tangents g;
  int layer;
  bool first;  ///< of one layer: no tangents come before

  EQUIBOLT_DEVICE void operator()() const {
    const int node = block_index(), n = b.particles, i = node % n, sample_first = node - i;
    const float* const dp = reinterpret_cast<const float*>(g.dp);
    const float* const dq = reinterpret_cast<const float*>(g.dq);
    float sum = 0;
    for (int j = warp_index(); j < n; j += threads / 32) {
      if (j == i) continue;
      const int other = sample_first + j;
      const std::size_t edge = static_cast<std::size_t>(node) * n + j;
      float r[max_dim], r0[max_dim];
#pragma unroll
      for (int d = 0; d < max_dim; ++d) {
        r0[d] = b.x[node].v[d] - b.x[other].v[d];
        r[d] = r0[d] + (b.u[b.at(layer) + node].v[d] - b.u[b.at(layer) + other].v[d]);
      }
      const int d = lane_index();
      if (d < b.dim) {
        const EdgeScalars& s = g.scalars[edge];
        const int k = i * b.dim + d;
        float along = 0, same = 0;
        for (int c = 0; c < b.dim; ++c) {
          float dx = c == d ? 1.0F : 0.0F;
          if (!first) {
            dx += g.u[(static_cast<std::size_t>(node) * max_dim + c) * g.padded + k] -
                  g.u[(static_cast<std::size_t>(other) * max_dim + c) * g.padded + k];
          }
          along += 2 * pick(r, c) * dx;
          if (c == d) same = dx;
        }
        sum += s.omega * same + pick(r, d) * (s.alpha * along + s.beta * 2 * pick(r0, d));
      }
      if (first) continue;
      for (int c = lane_index(); c < H; c += 32) {
        float change = 0;
        for (int k = 0; k < b.dim; ++k) {
          const std::size_t row = static_cast<std::size_t>(i) * b.dim + k;
          change += pick(r, k) * (dp[(static_cast<std::size_t>(node) * g.padded + row) * H + c] +
                                  dq[(static_cast<std::size_t>(other) * g.padded + row) * H + c]);
        }
        sum += g.lambda[edge * H + c] * change;
      }
    }
    if (!first && warp_index() == 0 && lane_index() < b.dim) {
      sum += g.u[(static_cast<std::size_t>(node) * max_dim + lane_index()) * g.padded + i * b.dim +
                 lane_index()];
    }
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) sum += exchange(sum, mask);
    float* const of_warps = reinterpret_cast<float*>(shared_memory());
    if (lane_index() == 0) of_warps[warp_index()] = sum;
    synchronise_block();
    if (thread_index() == 0) g.traces[node] = (of_warps[0] + of_warps[1]) + (of_warps[2] + of_warps[3]);
  }

  /// Without an address, so that the array stays in registers.
  EQUIBOLT_DEVICE static float pick(const float (&r)[max_dim], int d) {
    return d == 0 ? r[0] : d == 1 ? r[1] : r[2];
  }
};

}  // namespace EQUIBOLT_CUDA_NAMESPACE
