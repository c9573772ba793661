// The network's forward and backward pass for one sample. Included once per instruction set by Highway's
// foreach_target; see cpu_kernels.cc.
//
// Forward, for the edge e = (i, j) with r = x_i − x_j and d² = |r|² (names as in reference.h; W1 = [A B w y]
// is split into its parts for h_i, h_j, d² and d²_input):
//
//   P_i = A h_i + b1, Q_j = B h_j          per particle, not per edge
//   a1 = silu(P_i + Q_j + d² w + d²_in y)
//   m  = silu(W2 a1 + b2),  g = sigmoid(att·m + b)
//   a3 = silu(g (C1 m) + bc)               the gate applied after the product: g m is never stored
//   φ  = tanh(c2·a3)
//   S_i = Σ_j g m,  u_i += Σ_j φ r · range / (√(d² + 1e-8) + 1)
//   h_i += N2 silu(N1 [h_i, S_i] + bn1) + bn2    not in the last layer: nothing depends on it
//
// In layer 0 all particles of one type have the same h and u = 0: the message depends on the types and on d²
// alone, d² = d²_in, and a row of the edge list may stand for i←j and j←i ("mirrored").
//
// Backward, a bar marking the cotangent and s1, s2, s3 the derivatives silu′ that the forward pass stored:
//
//   f  = (ū_i·r) range/length (1 − φ²)          mirrored: (ū_i − ū_j)·r, both directions at once
//   q  = g z̄3 = g f c2 ∘ s3                     b̄c += z̄3, c̄2 += f a3, C̄1 += q mᵀ
//   p  = C1ᵀ q + g S̄_i                          = g times the cotangent of the gated message
//   g̃  = (1 − g) p·m                            the cotangent of the gate's argument
//   z̄2 = (p + g̃ att) ∘ s2                       b̄2 += z̄2, āt += g̃ m, W̄2 += z̄2 a1ᵀ
//   z̄1 = (W2ᵀ z̄2) ∘ s1                          P̄_i += z̄1, Q̄_j += z̄1, w̄ += d² z̄1, ȳ += d²_in z̄1
//   d̄² = w·z̄1 + what the length contributes,   d̄²_in += y·z̄1
//
// The division-free form of g̃ uses that p has the factor g already.
//
// P, Fp32 or Bf16, is the precision of the operands of the edges' products: a1, m, q and z̄2, and the matrices
// they meet. All sums and what is not a product, the particles' part too, is in single precision. A row of W
// numbers has W / P::per_word words (precision-inl.h).
#if defined(EQUIBOLT_EGNN_CPU_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIBOLT_EGNN_CPU_KERNELS_INL_H_
#undef EQUIBOLT_EGNN_CPU_KERNELS_INL_H_
#else
#define EQUIBOLT_EGNN_CPU_KERNELS_INL_H_
#endif

#include <cstring>

#include "egnn/cpu_network.h"
#include "egnn/matmul-inl.h"
#include "egnn/precision-inl.h"
#include "egnn/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equibolt::HWY_NAMESPACE {

using cpu::EdgeList;
using cpu::LayerArrays;
using cpu::LayerProducts;
using cpu::LayerState;
using cpu::LayerTransposes;
using cpu::Network;
using cpu::Segment;
using cpu::Tile;
using cpu::Workspace;

/// The values of lanes at and beyond `count` are replaced by zero: rows past the end of a segment.
HWY_INLINE Vector first_lanes(std::size_t count, Vector v) {
  const Floats d;
  return count >= hn::Lanes(d) ? v : hn::IfThenElseZero(hn::FirstN(d, count), v);
}

HWY_INLINE void zero(float* values, std::size_t count) {
  std::memset(values, 0, count * sizeof(float));
}

/// to += v.
HWY_INLINE void accumulate(float* to, Vector v) {
  const Floats d;
  hn::Store(hn::Add(hn::Load(d, to), v), d, to);
}

/// sums[c] += Σ_r rows[r, c]: the gradient of a bias.
HWY_INLINE void add_columns(const float* rows, std::size_t stride, std::size_t count, std::size_t width,
                            float* sums) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t c = 0; c < width; c += lanes) {
    Vector sum = hn::Zero(d);
    for (std::size_t r = 0; r < count; ++r) sum = hn::Add(sum, hn::Load(d, rows + r * stride + c));
    accumulate(sums + c, sum);
  }
}

/// One layer's part of the network and the sample: what most functions below need.
struct LayerView {
  LayerView(const Network& network_, Workspace& workspace_, std::size_t l)
      : network(network_),
        workspace(workspace_),
        weights(network_.layer(l)),
        transposes(network_.transposes(l)),
        products(network_.products(l, workspace_.precision)),
        state(workspace_.layers[l]),
        list(network_.edges_of(l)),
        first(l == 0),
        last(l + 1 == network_.layers()),
        particles(network_.particles()),
        width(network_.width()),
        dim(network_.dim()),
        particle_stride(network_.particle_stride()),
        nodes(first ? network_.types() : particles),
        h(first ? workspace_.h_types : state.node_input),
        h_stride(first ? width : 2 * width),
        node_of(network_.type_of().data()) {}

  /// The row of P and Q for particle i: its type in layer 0.
  std::size_t node(std::size_t i) const { return first ? node_of[i] : i; }

  const Network& network;
  Workspace& workspace;
  const LayerArrays<const float> weights;
  const LayerTransposes<const float> transposes;
  const LayerProducts products;
  const LayerState& state;
  const EdgeList& list;
  const bool first;
  const bool last;
  const std::size_t particles;
  const std::size_t width;
  const std::size_t dim;
  const std::size_t particle_stride;
  const std::size_t nodes;
  const float* const h;  ///< (nodes, W), rows h_stride apart
  const std::size_t h_stride;

 private:
  const std::uint32_t* const node_of;
};

/// Pointers to the edge features of one tile.
template <class P>
struct TileView {
  TileView(const LayerView& layer, const Tile& tile_)
      : tile(tile_),
        first(layer.workspace.keep == Workspace::Keep::features ? tile_.row * layer.width : 0),
        a1(layer.state.a1 + first / P::per_word),
        m(layer.state.m + first / P::per_word),
        s1(layer.state.s1 + first),
        s2(layer.state.s2 + first),
        a3(layer.state.a3 + first),
        s3(layer.state.s3 + first),
        z2(layer.state.z2 + tile_.row * layer.width),
        z3(layer.state.z3 + tile_.row * layer.width) {}
  const Tile& tile;
  const std::size_t first;
  float *a1, *m;  // words of P
  float *s1, *s2, *a3, *s3;
  float *z2, *z3;  // when these are kept
};

/// What edge_networks leaves behind, besides what the next step of the forward pass needs.
enum class Leave { nothing, preactivations, features };

// Forward.

/// r (D, stride) and d² (stride,) of a list's rows at the positions x + u.
inline HWY_ATTR void geometry(const Network& network, const EdgeList& list, const float* x, const float* u,
                              float* HWY_RESTRICT r, float* HWY_RESTRICT d2) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t dim = network.dim(), stride = network.particle_stride();
  for (const Segment& segment : list.segments) {  // stores overrun into the next segment's rows
    for (std::size_t c = 0; c < segment.count; c += lanes) {
      Vector sum = hn::Zero(d);
      for (std::size_t k = 0; k < dim; ++k) {
        const float* x_k = x + k * stride;
        const float* u_k = u + k * stride;
        const Vector dx = hn::Sub(hn::Set(d, x_k[segment.i]), hn::LoadU(d, x_k + segment.j + c));
        const Vector du = hn::Sub(hn::Set(d, u_k[segment.i]), hn::LoadU(d, u_k + segment.j + c));
        const Vector difference = hn::Add(dx, du);
        sum = hn::MulAdd(difference, difference, sum);
        if (r != nullptr) hn::StoreU(difference, d, r + k * list.stride + segment.row + c);
      }
      hn::StoreU(sum, d, d2 + segment.row + c);
    }
  }
}

HWY_INLINE Vector distance_of(Vector d2) {
  const Floats d;
  return hn::Sqrt(hn::Add(d2, hn::Set(d, 1e-8F)));
}

/// P and Q of all nodes.
inline HWY_ATTR void apply_w1_to_nodes(const LayerView& layer) {
  const Floats d;
  const std::size_t w = layer.width, lanes = hn::Lanes(d);
  float* const pq = layer.workspace.pq;
  const float* const b1 = layer.weights.b1;
  matmul(layer.h, layer.h_stride, layer.nodes, layer.transposes.w1, 2 * w, w, 2 * w,
         [=](std::size_t row, std::size_t c, Vector v0, Vector v1) HWY_ATTR {
           hn::Store(hn::Add(v0, hn::Load(d, b1 + c)), d, pq + row * 2 * w + c);
           hn::Store(hn::Add(v1, hn::Load(d, b1 + c + lanes)), d, pq + row * 2 * w + c + lanes);
         });
}

/// a1 (and s1) of one tile.
template <class P, bool kDerivatives>
HWY_INLINE void first_edge_map(const LayerView& layer, const TileView<P>& view) {
  const Floats d;
  const std::size_t w = layer.width, lanes = hn::Lanes(d);
  const float* const d2 = layer.state.d2;
  const float* const d2_in = layer.workspace.d2_input;
  const float* const pq = layer.workspace.pq;
  for (std::size_t p = view.tile.first_piece; p < view.tile.first_piece + view.tile.pieces; ++p) {
    const Segment& piece = layer.list.pieces[p];
    const float* const p_i = pq + layer.node(piece.i) * 2 * w;
    for (std::size_t c = 0; c < w; c += 2 * lanes) {
      const Vector from_i0 = hn::Load(d, p_i + c), from_i1 = hn::Load(d, p_i + c + lanes);
      const float* const of_d2 = layer.weights.w_d2 + c;
      const float* const of_d2_in = layer.weights.w_d2_in + c;
      Vector w_d2_0 = hn::Load(d, of_d2), w_d2_1 = hn::Load(d, of_d2 + lanes);
      const Vector w_d2_in0 = hn::Load(d, of_d2_in), w_d2_in1 = hn::Load(d, of_d2_in + lanes);
      if (layer.first) {
        w_d2_0 = hn::Add(w_d2_0, w_d2_in0);
        w_d2_1 = hn::Add(w_d2_1, w_d2_in1);
      }
      for (std::size_t e = 0; e < piece.count; ++e) {
        const std::size_t row = piece.row + e;
        const float* const q_j = pq + layer.node(piece.j + e) * 2 * w + w + c;
        const Vector distance = hn::Set(d, d2[row]);
        Vector z0 = hn::MulAdd(distance, w_d2_0, hn::Add(from_i0, hn::Load(d, q_j)));
        Vector z1 = hn::MulAdd(distance, w_d2_1, hn::Add(from_i1, hn::Load(d, q_j + lanes)));
        if (!layer.first) {
          const Vector distance_in = hn::Set(d, d2_in[row]);
          z0 = hn::MulAdd(distance_in, w_d2_in0, z0);
          z1 = hn::MulAdd(distance_in, w_d2_in1, z1);
        }
        const std::size_t at = (row - view.tile.row) * w + c;
        Vector s0, s1;
        const Vector a0 = silu(d, z0, kDerivatives ? &s0 : nullptr);
        const Vector a1 = silu(d, z1, kDerivatives ? &s1 : nullptr);
        P::store(a0, a1, view.a1 + at / P::per_word);
        if (kDerivatives) Fp32::store(s0, s1, view.s1 + at);
      }
    }
  }
}

/// A tile's edge features, gates and φ.
template <class P, Leave kLeave>
HWY_INLINE void edge_networks(const LayerView& layer, const TileView<P>& view) {
  constexpr bool kDerivatives = kLeave == Leave::features;
  const Floats d;
  const std::size_t w = layer.width, lanes = hn::Lanes(d), rows = view.tile.count;
  float* const partial = layer.workspace.partial;
  float* const gate = layer.state.gate + view.tile.row;
  float* const phi = layer.state.phi + view.tile.row;
  const LayerArrays<const float>& weights = layer.weights;

  first_edge_map<P, kDerivatives>(layer, view);

  // Adds the dot product with `head` that column blocks contribute.
  const auto add_partial = [=](std::size_t row, std::size_t c, Vector a0, Vector a1,
                               const float* head) HWY_ATTR {
    Vector sum = hn::MulAdd(a1, hn::Load(d, head + c + lanes), hn::Mul(a0, hn::Load(d, head + c)));
    if (c != 0) sum = hn::Add(sum, hn::Load(d, partial + row * lanes));
    hn::Store(sum, d, partial + row * lanes);
  };
  const TileView<P> to = view;  // copied: what a lambda reaches by reference is loaded anew after each store

  const std::size_t words = w / P::per_word;
  matmul<P>(to.a1, words, rows, layer.products.w2_t, w, words, w,
            [=](std::size_t row, std::size_t c, Vector z0, Vector z1) HWY_ATTR {
              const std::size_t at = row * w + c;
              z0 = hn::Add(z0, hn::Load(d, weights.b2 + c));
              z1 = hn::Add(z1, hn::Load(d, weights.b2 + c + lanes));
              Vector d0, d1;
              const Vector m0 = silu(d, z0, kDerivatives ? &d0 : nullptr);
              const Vector m1 = silu(d, z1, kDerivatives ? &d1 : nullptr);
              P::store(m0, m1, to.m + at / P::per_word);
              if (kLeave == Leave::features) Fp32::store(d0, d1, to.s2 + at);
              if (kLeave == Leave::preactivations) Fp32::store(z0, z1, to.z2 + at);
              add_partial(row, c, m0, m1, weights.att);
            });
  sum_rows(partial, rows, gate);
  const Vector att_bias = hn::Set(d, weights.att_bias[0]);
  for (std::size_t e = 0; e < rows; e += lanes) {
    hn::Store(sigmoid(d, hn::Add(hn::Load(d, gate + e), att_bias)), d, gate + e);
  }

  matmul<P>(to.m, words, rows, layer.products.c1_t, w, words, w,
            [=](std::size_t row, std::size_t c, Vector z0, Vector z1) HWY_ATTR {
              const std::size_t at = row * w + c;
              const Vector g = hn::Set(d, gate[row]);
              z0 = hn::MulAdd(g, z0, hn::Load(d, weights.bc + c));
              z1 = hn::MulAdd(g, z1, hn::Load(d, weights.bc + c + lanes));
              Vector d0, d1;
              const Vector a0 = silu(d, z0, kDerivatives ? &d0 : nullptr);
              const Vector a1 = silu(d, z1, kDerivatives ? &d1 : nullptr);
              if (kLeave == Leave::features) {
                Fp32::store(a0, a1, to.a3 + at);
                Fp32::store(d0, d1, to.s3 + at);
              }
              if (kLeave == Leave::preactivations) Fp32::store(z0, z1, to.z3 + at);
              add_partial(row, c, a0, a1, weights.c2);
            });
  sum_rows(partial, rows, phi);
  for (std::size_t e = 0; e < rows; e += lanes) hn::Store(tanh(d, hn::Load(d, phi + e)), d, phi + e);
}

/// A tile's edge features again, from z2 and z3.
template <class P>
HWY_INLINE void restore_features(const LayerView& layer, const TileView<P>& view) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  first_edge_map<P, true>(layer, view);
  for (std::size_t at = 0; at < view.tile.count * layer.width; at += 2 * lanes) {
    Vector d0, d1;
    const Vector m0 = silu(d, hn::Load(d, view.z2 + at), &d0);
    const Vector m1 = silu(d, hn::Load(d, view.z2 + at + lanes), &d1);
    P::store(m0, m1, view.m + at / P::per_word);
    Fp32::store(d0, d1, view.s2 + at);
    const Vector a0 = silu(d, hn::Load(d, view.z3 + at), &d0);
    const Vector a1 = silu(d, hn::Load(d, view.z3 + at + lanes), &d1);
    Fp32::store(a0, a1, view.a3 + at);
    Fp32::store(d0, d1, view.s3 + at);
  }
}

/// S_i += Σ_j g m of one tile.
template <class P>
HWY_INLINE void sum_messages(const LayerView& layer, const TileView<P>& view) {
  const Floats d;
  const std::size_t w = layer.width, lanes = hn::Lanes(d);
  const auto sum_of = [&](std::size_t i) HWY_ATTR { return layer.state.node_input + i * 2 * w + w; };
  for (std::size_t p = view.tile.first_piece; p < view.tile.first_piece + view.tile.pieces; ++p) {
    const Segment& piece = layer.list.pieces[p];
    for (std::size_t c = 0; c < w; c += 2 * lanes) {
      Vector sum0 = hn::Zero(d), sum1 = hn::Zero(d);
      for (std::size_t e = 0; e < piece.count; ++e) {
        const std::size_t row = piece.row + e;
        const Vector g = hn::Set(d, layer.state.gate[row]);
        Vector m0, m1;
        P::load(view.m + ((row - view.tile.row) * w + c) / P::per_word, m0, m1);
        m0 = hn::Mul(g, m0);
        m1 = hn::Mul(g, m1);
        sum0 = hn::Add(sum0, m0);
        sum1 = hn::Add(sum1, m1);
        if (piece.mirrored) {
          accumulate(sum_of(piece.j + e) + c, m0);
          accumulate(sum_of(piece.j + e) + c + lanes, m1);
        }
      }
      accumulate(sum_of(piece.i) + c, sum0);
      accumulate(sum_of(piece.i) + c + lanes, sum1);
    }
  }
}

/// u_i += Σ_j φ r range/length.
inline HWY_ATTR void displace(const LayerView& layer) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  const EdgeList& list = layer.list;
  float* const weight = layer.workspace.row_weight;
  const Vector range = hn::Set(d, layer.network.range());
  for (std::size_t e = 0; e < list.rows; e += lanes) {
    const Vector phi = hn::Load(d, layer.state.phi + e);
    hn::Store(hn::Mul(hn::Mul(phi, range), hn::Load(d, layer.state.inverse_length + e)), d, weight + e);
  }
  for (std::size_t k = 0; k < layer.dim; ++k) {
    const float* const r = layer.state.r + k * list.stride;
    float* const u = layer.workspace.u + k * layer.particle_stride;
    for (const Segment& segment : list.segments) {
      Vector sum = hn::Zero(d);
      for (std::size_t c = 0; c < segment.count; c += lanes) {
        const std::size_t row = segment.row + c;
        const Vector step =
            first_lanes(segment.count - c, hn::Mul(hn::LoadU(d, weight + row), hn::LoadU(d, r + row)));
        sum = hn::Add(sum, step);
        if (segment.mirrored) {
          float* const u_j = u + segment.j + c;
          hn::StoreU(hn::Sub(hn::LoadU(d, u_j), step), d, u_j);
        }
      }
      u[segment.i] += hn::GetLane(hn::SumOfLanes(d, sum));
    }
  }
}

/// h_i += N2 silu(N1 [h_i, S_i] + bn1) + bn2, into the next layer's node_input.
inline HWY_ATTR void update_nodes(const LayerView& layer, float* next_input) {
  const Floats d;
  const std::size_t w = layer.width, lanes = hn::Lanes(d);
  const LayerArrays<const float>& weights = layer.weights;
  const float* const input = layer.state.node_input;
  float* const node_a = layer.state.node_a;
  float* const node_s = layer.state.node_s;
  matmul(input, 2 * w, layer.particles, layer.transposes.n1, w, 2 * w, w,
         [=](std::size_t row, std::size_t c, Vector z0, Vector z1) HWY_ATTR {
           Vector d0, d1;
           const std::size_t at = row * w + c;
           hn::Store(silu(d, hn::Add(z0, hn::Load(d, weights.bn1 + c)), &d0), d, node_a + at);
           hn::Store(silu(d, hn::Add(z1, hn::Load(d, weights.bn1 + c + lanes)), &d1), d, node_a + at + lanes);
           hn::Store(d0, d, node_s + at);
           hn::Store(d1, d, node_s + at + lanes);
         });
  matmul(node_a, w, layer.particles, layer.transposes.n2, w, w, w,
         [=](std::size_t row, std::size_t c, Vector v0, Vector v1) HWY_ATTR {
           const std::size_t at = row * 2 * w + c;
           v0 = hn::Add(v0, hn::Load(d, weights.bn2 + c));
           v1 = hn::Add(v1, hn::Load(d, weights.bn2 + c + lanes));
           hn::Store(hn::Add(hn::Load(d, input + at), v0), d, next_input + at);
           hn::Store(hn::Add(hn::Load(d, input + at + lanes), v1), d, next_input + at + lanes);
         });
}

/// h before layer 0, for each type and copied to each particle.
inline HWY_ATTR void embed(const Network& network, Workspace& workspace) {
  const Floats d;
  const std::size_t w = network.width(), lanes = hn::Lanes(d);
  const float* const of_time = network.embedding() + (network.node_features() - 1) * w;
  for (std::size_t type = 0; type < network.types(); ++type) {
    const float* const of_type = network.embedding() + network.feature_of_type()[type] * w;
    for (std::size_t c = 0; c < w; c += lanes) {
      Vector h = hn::MulAdd(hn::Set(d, workspace.t), hn::Load(d, of_time + c),
                            hn::Load(d, network.embedding_bias() + c));
      if (network.has_type_features()) h = hn::Add(h, hn::Load(d, of_type + c));
      hn::Store(h, d, workspace.h_types + type * w + c);
    }
  }
  for (std::size_t i = 0; i < network.particles(); ++i) {
    std::memcpy(workspace.layers[0].node_input + i * 2 * w, workspace.h_types + network.type_of()[i] * w,
                w * sizeof(float));
  }
}

template <class P, Leave kLeave>
HWY_INLINE void forward_layer(const LayerView& layer) {
  const Floats d;
  const LayerState& state = layer.state;
  apply_w1_to_nodes(layer);
  geometry(layer.network, layer.list, layer.workspace.x, layer.workspace.u, state.r, state.d2);
  for (std::size_t e = 0; e < layer.list.rows; e += hn::Lanes(d)) {
    const Vector length = hn::Add(distance_of(hn::Load(d, state.d2 + e)), hn::Set(d, 1.0F));
    hn::Store(hn::Div(hn::Set(d, 1.0F), length), d, state.inverse_length + e);
  }
  for (std::size_t i = 0; i < layer.particles; ++i) {
    zero(state.node_input + i * 2 * layer.width + layer.width, layer.width);
  }
  for (const Tile& tile : layer.list.tiles) {
    const TileView<P> view(layer, tile);
    edge_networks<P, kLeave>(layer, view);
    if (!layer.last) sum_messages(layer, view);
  }
  displace(layer);
}

template <class P>
HWY_ATTR void forward_pass(const Network& network, Workspace& workspace) {
  embed(network, workspace);
  zero(workspace.u, network.dim() * network.particle_stride());
  if (network.layers() > 1) {
    geometry(network, network.edges(), workspace.x, workspace.u, nullptr, workspace.d2_input);
  }
  for (std::size_t l = 0; l < network.layers(); ++l) {
    const LayerView layer(network, workspace, l);
    switch (workspace.keep) {
      case Workspace::Keep::features:
        forward_layer<P, Leave::features>(layer);
        break;
      case Workspace::Keep::preactivations:
        forward_layer<P, Leave::preactivations>(layer);
        break;
      case Workspace::Keep::nodes:
      case Workspace::Keep::nothing:
        forward_layer<P, Leave::nothing>(layer);
    }
    if (!layer.last) update_nodes(layer, workspace.layers[l + 1].node_input);
  }
}

// Backward.

// What the weights' gradient alone needs is left out where kWantWeights is false; `gradient` is null then.

/// From the cotangent of h after the layer (cot_h) those of h before it and of S.
template <bool kWantWeights>
HWY_INLINE void update_nodes_vjp(const LayerView& layer, const LayerArrays<float>& gradient) {
  const Floats d;
  const std::size_t w = layer.width, lanes = hn::Lanes(d), n = layer.particles;
  float* const cot_h = layer.workspace.cot_h;
  float* const cot_z = layer.workspace.node_cot;
  float* const cot_sum_m = layer.workspace.cot_sum_m;
  const float* const node_s = layer.state.node_s;

  if constexpr (kWantWeights) {
    add_outer(cot_h, w, w, layer.state.node_a, w, w, n, gradient.n2, w);
    add_columns(cot_h, w, n, w, gradient.bn2);
  }
  matmul(cot_h, w, n, layer.weights.n2, w, w, w,
         [=](std::size_t row, std::size_t c, Vector v0, Vector v1) HWY_ATTR {
           const std::size_t at = row * w + c;
           hn::Store(hn::Mul(v0, hn::Load(d, node_s + at)), d, cot_z + at);
           hn::Store(hn::Mul(v1, hn::Load(d, node_s + at + lanes)), d, cot_z + at + lanes);
         });
  if constexpr (kWantWeights) {
    add_outer(cot_z, w, w, layer.state.node_input, 2 * w, 2 * w, n, gradient.n1, 2 * w);
    add_columns(cot_z, w, n, w, gradient.bn1);
  }
  matmul(cot_z, w, n, layer.weights.n1, 2 * w, w, 2 * w,
         [=](std::size_t row, std::size_t c, Vector v0, Vector v1) HWY_ATTR {
           if (c < w) {
             accumulate(cot_h + row * w + c, v0);
             accumulate(cot_h + row * w + c + lanes, v1);
           } else {
             hn::Store(v0, d, cot_sum_m + row * w + c - w);
             hn::Store(v1, d, cot_sum_m + row * w + c - w + lanes);
           }
         });
  zero(cot_sum_m + n * w, w);
}

/// The cotangent of u_i, or of u_i − u_j where a row is mirrored, for coordinate k from row `c` on.
HWY_INLINE Vector cot_u_of(const LayerView& layer, const Segment& segment, std::size_t k, std::size_t c) {
  const Floats d;
  const float* const cot_u = layer.workspace.cot_u + k * layer.particle_stride;
  const Vector of_i = hn::Set(d, cot_u[segment.i]);
  return segment.mirrored ? hn::Sub(of_i, hn::LoadU(d, cot_u + segment.j + c)) : of_i;
}

/// along = ū·r, and f, the cotangent of φ's argument, in cot_y.
inline HWY_ATTR void displace_vjp_to_phi(const LayerView& layer) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  const EdgeList& list = layer.list;
  float* const along = layer.workspace.along;
  for (const Segment& segment : list.segments) {
    for (std::size_t c = 0; c < segment.count; c += lanes) {
      Vector sum = hn::Zero(d);
      for (std::size_t k = 0; k < layer.dim; ++k) {
        const Vector r = hn::LoadU(d, layer.state.r + k * list.stride + segment.row + c);
        sum = hn::MulAdd(cot_u_of(layer, segment, k, c), r, sum);
      }
      hn::StoreU(sum, d, along + segment.row + c);
    }
  }
  const Vector range = hn::Set(d, layer.network.range());
  for (std::size_t e = 0; e < list.rows; e += lanes) {
    const Vector phi = hn::Load(d, layer.state.phi + e);
    const Vector cot_phi =
        hn::Mul(hn::Mul(hn::Load(d, along + e), range), hn::Load(d, layer.state.inverse_length + e));
    hn::Store(hn::Mul(cot_phi, hn::NegMulAdd(phi, phi, hn::Set(d, 1.0F))), d, layer.workspace.cot_y + e);
  }
}

/// One tile from f and S̄ to z̄1, which is left in cot_b, and d̄²; adds to the weights' gradient.
template <class P, bool kWantDistances, bool kWantWeights>
HWY_INLINE void edge_networks_vjp(const LayerView& layer, const TileView<P>& view,
                                  const LayerArrays<float>& gradient) {
  const Floats d;
  const std::size_t w = layer.width, lanes = hn::Lanes(d), rows = view.tile.count, row0 = view.tile.row;
  const std::size_t words = w / P::per_word, row_words = (rows + P::per_word - 1) / P::per_word;
  const LayerArrays<const float>& weights = layer.weights;
  const float* const gate = layer.state.gate + row0;
  const float* const cot_y = layer.workspace.cot_y + row0;
  float* const cot_a = layer.workspace.cot_a;  // words: q, then z̄2
  float* const cot_b = layer.workspace.cot_b;  // p, then z̄1
  float* const partial = layer.workspace.partial;
  float* const cot_gate = layer.workspace.cot_gate;
  // G += cotᵀ features
  const auto add_outer_of = [&](const float* features, float* to) HWY_ATTR {
    add_outer<P>(P::by_rows(cot_a, rows, w, layer.workspace.by_rows_a), w, w,
                 P::by_rows(features, rows, w, layer.workspace.by_rows_b), w, w, row_words, to, w);
  };

  // q
  for (std::size_t c = 0; c < w; c += 2 * lanes) {
    const Vector c2_0 = hn::Load(d, weights.c2 + c), c2_1 = hn::Load(d, weights.c2 + c + lanes);
    Vector bc_0 = hn::Zero(d), bc_1 = hn::Zero(d), sum_c2_0 = hn::Zero(d), sum_c2_1 = hn::Zero(d);
    for (std::size_t e = 0; e < rows; ++e) {
      const std::size_t at = e * w + c;
      const Vector y = hn::Set(d, cot_y[e]), g = hn::Set(d, gate[e]);
      const Vector cot_z3_0 = hn::Mul(y, hn::Mul(c2_0, hn::Load(d, view.s3 + at)));
      const Vector cot_z3_1 = hn::Mul(y, hn::Mul(c2_1, hn::Load(d, view.s3 + at + lanes)));
      if constexpr (kWantWeights) {
        bc_0 = hn::Add(bc_0, cot_z3_0);
        bc_1 = hn::Add(bc_1, cot_z3_1);
        sum_c2_0 = hn::MulAdd(y, hn::Load(d, view.a3 + at), sum_c2_0);
        sum_c2_1 = hn::MulAdd(y, hn::Load(d, view.a3 + at + lanes), sum_c2_1);
      }
      P::store(hn::Mul(g, cot_z3_0), hn::Mul(g, cot_z3_1), cot_a + at / P::per_word);
    }
    if constexpr (kWantWeights) {
      accumulate(gradient.bc + c, bc_0);
      accumulate(gradient.bc + c + lanes, bc_1);
      accumulate(gradient.c2 + c, sum_c2_0);
      accumulate(gradient.c2 + c + lanes, sum_c2_1);
    }
  }
  if constexpr (kWantWeights) add_outer_of(view.m, gradient.c1);

  // p
  {
    const float* const m = view.m;
    const float* const cot_sum_m = layer.last ? nullptr : layer.workspace.cot_sum_m;
    const std::uint32_t* const i = layer.list.i.data() + row0;
    const std::uint32_t* const j = layer.list.j.data() + row0;
    const bool mirrored_rows = layer.first;
    matmul<P>(cot_a, words, rows, layer.products.c1, w, words, w,
              [=](std::size_t row, std::size_t c, Vector p0, Vector p1) HWY_ATTR {
                if (cot_sum_m != nullptr) {
                  const Vector g = hn::Set(d, gate[row]);
                  const float* const of_i = cot_sum_m + i[row] * w + c;
                  p0 = hn::MulAdd(g, hn::Load(d, of_i), p0);
                  p1 = hn::MulAdd(g, hn::Load(d, of_i + lanes), p1);
                  if (mirrored_rows) {
                    const float* const of_j = cot_sum_m + j[row] * w + c;
                    p0 = hn::MulAdd(g, hn::Load(d, of_j), p0);
                    p1 = hn::MulAdd(g, hn::Load(d, of_j + lanes), p1);
                  }
                }
                const std::size_t at = row * w + c;
                Fp32::store(p0, p1, cot_b + at);
                Vector m0, m1;
                P::load(m + at / P::per_word, m0, m1);
                Vector sum = hn::MulAdd(p1, m1, hn::Mul(p0, m0));
                if (c != 0) sum = hn::Add(sum, hn::Load(d, partial + row * lanes));
                hn::Store(sum, d, partial + row * lanes);
              });
  }
  sum_rows(partial, rows, cot_gate);
  Vector sum_att_bias = hn::Zero(d);
  for (std::size_t e = 0; e < rows; e += lanes) {
    const Vector one_minus_gate = hn::Sub(hn::Set(d, 1.0F), hn::Load(d, gate + e));
    const Vector cot = first_lanes(rows - e, hn::Mul(one_minus_gate, hn::Load(d, cot_gate + e)));
    sum_att_bias = hn::Add(sum_att_bias, cot);
    hn::Store(cot, d, cot_gate + e);
  }
  if constexpr (kWantWeights) gradient.att_bias[0] += hn::GetLane(hn::SumOfLanes(d, sum_att_bias));

  // z̄2
  for (std::size_t c = 0; c < w; c += 2 * lanes) {
    const Vector att0 = hn::Load(d, weights.att + c), att1 = hn::Load(d, weights.att + c + lanes);
    Vector b2_0 = hn::Zero(d), b2_1 = hn::Zero(d), sum_att0 = hn::Zero(d), sum_att1 = hn::Zero(d);
    for (std::size_t e = 0; e < rows; ++e) {
      const Vector g = hn::Set(d, cot_gate[e]);
      const std::size_t at = e * w + c;
      const Vector cot_m0 = hn::MulAdd(g, att0, hn::Load(d, cot_b + at));
      const Vector cot_m1 = hn::MulAdd(g, att1, hn::Load(d, cot_b + at + lanes));
      const Vector cot_z2_0 = hn::Mul(cot_m0, hn::Load(d, view.s2 + at));
      const Vector cot_z2_1 = hn::Mul(cot_m1, hn::Load(d, view.s2 + at + lanes));
      if constexpr (kWantWeights) {
        b2_0 = hn::Add(b2_0, cot_z2_0);
        b2_1 = hn::Add(b2_1, cot_z2_1);
        Vector m0, m1;
        P::load(view.m + at / P::per_word, m0, m1);
        sum_att0 = hn::MulAdd(g, m0, sum_att0);
        sum_att1 = hn::MulAdd(g, m1, sum_att1);
      }
      P::store(cot_z2_0, cot_z2_1, cot_a + at / P::per_word);
    }
    if constexpr (kWantWeights) {
      accumulate(gradient.b2 + c, b2_0);
      accumulate(gradient.b2 + c + lanes, b2_1);
      accumulate(gradient.att + c, sum_att0);
      accumulate(gradient.att + c + lanes, sum_att1);
    }
  }
  if constexpr (kWantWeights) add_outer_of(view.a1, gradient.w2);

  // z̄1
  {
    const float* const s1 = view.s1;
    float* const partial_in = layer.workspace.partial_b;
    const bool first = layer.first;
    matmul<P>(cot_a, words, rows, layer.products.w2, w, words, w,
              [=](std::size_t row, std::size_t c, Vector v0, Vector v1) HWY_ATTR {
                const std::size_t at = row * w + c;
                v0 = hn::Mul(v0, hn::Load(d, s1 + at));
                v1 = hn::Mul(v1, hn::Load(d, s1 + at + lanes));
                Fp32::store(v0, v1, cot_b + at);
                const auto add_dot = [=](const float* head, float* to) HWY_ATTR {
                  Vector sum =
                      hn::MulAdd(v1, hn::Load(d, head + c + lanes), hn::Mul(v0, hn::Load(d, head + c)));
                  if (c != 0) sum = hn::Add(sum, hn::Load(d, to + row * lanes));
                  hn::Store(sum, d, to + row * lanes);
                };
                if (kWantDistances || !first) add_dot(weights.w_d2, partial);
                if (kWantDistances) add_dot(weights.w_d2_in, partial_in);
              });
    if (kWantDistances || !first) sum_rows(partial, rows, layer.workspace.cot_d2 + row0);
    if (kWantDistances) {
      float* const cot_in = cot_gate;  // no longer needed
      sum_rows(partial_in, rows, cot_in);
      float* const to = first ? layer.workspace.cot_d2 : layer.workspace.cot_d2_input;
      for (std::size_t e = 0; e < rows; e += lanes) accumulate(to + row0 + e, hn::Load(d, cot_in + e));
    }
  }
}

/// From z̄1 of one tile (cot_b) to P̄, Q̄ and the columns of W1 for the distances.
template <bool kWantWeights>
HWY_INLINE void first_edge_map_vjp(const LayerView& layer, const Tile& tile,
                                   const LayerArrays<float>& gradient) {
  const Floats d;
  const std::size_t w = layer.width, lanes = hn::Lanes(d);
  const float* const d2 = layer.state.d2;
  const float* const d2_in = layer.workspace.d2_input;
  float* const cot_pq = layer.workspace.cot_pq;
  for (std::size_t c = 0; c < w; c += lanes) {
    Vector sum_d2 = hn::Zero(d), sum_d2_in = hn::Zero(d);
    for (std::size_t p = tile.first_piece; p < tile.first_piece + tile.pieces; ++p) {
      const Segment& piece = layer.list.pieces[p];
      Vector cot_p = hn::Zero(d);
      for (std::size_t e = 0; e < piece.count; ++e) {
        const std::size_t row = piece.row + e;
        const Vector cot_z1 = hn::Load(d, layer.workspace.cot_b + (row - tile.row) * w + c);
        cot_p = hn::Add(cot_p, cot_z1);
        accumulate(cot_pq + layer.node(piece.j + e) * 2 * w + w + c, cot_z1);
        if constexpr (kWantWeights) {
          sum_d2 = hn::MulAdd(hn::Set(d, d2[row]), cot_z1, sum_d2);
          if (!layer.first) sum_d2_in = hn::MulAdd(hn::Set(d, d2_in[row]), cot_z1, sum_d2_in);
        }
      }
      accumulate(cot_pq + layer.node(piece.i) * 2 * w + c, cot_p);
    }
    if constexpr (kWantWeights) {
      accumulate(gradient.w_d2 + c, sum_d2);
      accumulate(gradient.w_d2_in + c, layer.first ? sum_d2 : sum_d2_in);
    }
  }
}

/// grad_x += 2 r d̄² … of each row's cotangent of r, at both ends: `cot_r(segment, k, c, r)` gives it.
template <class CotR>
HWY_INLINE void add_to_grad_x(const LayerView& layer, const CotR& cot_r) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  for (const Segment& segment : layer.list.segments) {
    for (std::size_t k = 0; k < layer.dim; ++k) {
      float* const grad_x = layer.workspace.grad_x + k * layer.particle_stride;
      Vector sum = hn::Zero(d);
      for (std::size_t c = 0; c < segment.count; c += lanes) {
        const Vector cot = first_lanes(segment.count - c, cot_r(segment, k, c));
        sum = hn::Add(sum, cot);
        float* const of_j = grad_x + segment.j + c;
        hn::StoreU(hn::Sub(hn::LoadU(d, of_j), cot), d, of_j);
      }
      grad_x[segment.i] += hn::GetLane(hn::SumOfLanes(d, sum));
    }
  }
}

/// The positions' part of one layer, from d̄² and ū: into grad_x.
inline HWY_ATTR void displace_vjp_to_positions(const LayerView& layer) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  const EdgeList& list = layer.list;
  float* const cot_d2 = layer.workspace.cot_d2;
  float* const weight = layer.workspace.row_weight;
  const Vector range = hn::Set(d, layer.network.range());
  for (std::size_t e = 0; e < list.rows; e += lanes) {
    const Vector inverse_length = hn::Load(d, layer.state.inverse_length + e);
    const Vector w = hn::Mul(hn::Mul(hn::Load(d, layer.state.phi + e), range), inverse_length);
    const Vector cot_length = hn::Mul(hn::Mul(hn::Load(d, layer.workspace.along + e), w), inverse_length);
    const Vector distance = distance_of(hn::Load(d, layer.state.d2 + e));
    const Vector twice = hn::Add(hn::Load(d, cot_d2 + e), hn::Load(d, cot_d2 + e));
    hn::Store(hn::Sub(twice, hn::Div(cot_length, distance)), d, cot_d2 + e);  // 2 d̄², whole
    hn::Store(w, d, weight + e);
  }
  add_to_grad_x(layer, [&](const Segment& segment, std::size_t k, std::size_t c) HWY_ATTR {
    const std::size_t row = segment.row + c;
    const Vector r = hn::LoadU(d, layer.state.r + k * list.stride + row);
    return hn::MulAdd(r, hn::LoadU(d, cot_d2 + row),
                      hn::Mul(cot_u_of(layer, segment, k, c), hn::LoadU(d, weight + row)));
  });
}

/// The part of d² of the input positions: 2 (x_i − x_j) d̄²_in, into grad_x.
inline HWY_ATTR void input_distances_vjp(const LayerView& layer) {
  const Floats d;
  add_to_grad_x(layer, [&](const Segment& segment, std::size_t k, std::size_t c) HWY_ATTR {
    const float* const x = layer.workspace.x + k * layer.particle_stride;
    const Vector r = hn::Sub(hn::Set(d, x[segment.i]), hn::LoadU(d, x + segment.j + c));
    const Vector cot = hn::LoadU(d, layer.workspace.cot_d2_input + segment.row + c);
    return hn::Mul(r, hn::Add(cot, cot));
  });
}

/// From P̄ and Q̄ to h before the layer: adds to cot_h.
template <bool kWantWeights>
HWY_INLINE void apply_w1_to_nodes_vjp(const LayerView& layer, const LayerArrays<float>& gradient,
                                      float* cot_h) {
  const std::size_t w = layer.width, lanes = hn::Lanes(Floats());
  const float* const cot_pq = layer.workspace.cot_pq;
  if constexpr (kWantWeights) {
    add_outer(cot_pq, 2 * w, 2 * w, layer.h, layer.h_stride, w, layer.nodes, gradient.w1, w);
    add_columns(cot_pq, 2 * w, layer.nodes, w, gradient.b1);
  }
  matmul(cot_pq, 2 * w, layer.nodes, layer.weights.w1, w, 2 * w, w,
         [=](std::size_t row, std::size_t c, Vector v0, Vector v1) HWY_ATTR {
           accumulate(cot_h + row * w + c, v0);
           accumulate(cot_h + row * w + c + lanes, v1);
         });
}

/// From the cotangent of each type's h before layer 0 (types, W) to the embedding.
inline HWY_ATTR void embed_vjp(const Network& network, const Workspace& workspace, const float* cot_h_types,
                               float* embedding) {
  const Floats d;
  const std::size_t w = network.width();
  float* const of_time = embedding + (network.node_features() - 1) * w;
  float* const bias = of_time + w;
  for (std::size_t type = 0; type < network.types(); ++type) {
    for (std::size_t c = 0; c < w; c += hn::Lanes(d)) {
      const Vector cot = hn::Load(d, cot_h_types + type * w + c);
      if (network.has_type_features()) {
        accumulate(embedding + network.feature_of_type()[type] * w + c, cot);
      }
      accumulate(of_time + c, hn::Mul(hn::Set(d, workspace.t), cot));
      accumulate(bias + c, cot);
    }
  }
}

template <class P, bool kWantGradX, bool kWantWeights>
HWY_INLINE void backward_layer(const LayerView& layer, const LayerArrays<float>& gradient) {
  Workspace& workspace = layer.workspace;
  const bool positions = kWantGradX || !layer.first;
  if (!layer.last) update_nodes_vjp<kWantWeights>(layer, gradient);
  if (workspace.keep != Workspace::Keep::features) apply_w1_to_nodes(layer);
  displace_vjp_to_phi(layer);
  zero(workspace.cot_pq, layer.nodes * 2 * layer.width);
  for (const Tile& tile : layer.list.tiles) {
    const TileView<P> view(layer, tile);
    if (workspace.keep == Workspace::Keep::nodes) edge_networks<P, Leave::features>(layer, view);
    if (workspace.keep == Workspace::Keep::preactivations) restore_features(layer, view);
    edge_networks_vjp<P, kWantGradX, kWantWeights>(layer, view, gradient);
    first_edge_map_vjp<kWantWeights>(layer, tile, gradient);
  }
  if (positions) displace_vjp_to_positions(layer);
}

/// ū before the layer: what lies behind adds up in grad_x.
inline HWY_ATTR void update_cot_u(const Network& network, Workspace& workspace) {
  const Floats d;
  for (std::size_t c = 0; c < network.dim() * network.particle_stride(); c += hn::Lanes(d)) {
    const Vector sum = hn::Add(hn::Load(d, workspace.cot_v + c), hn::Load(d, workspace.grad_x + c));
    hn::Store(sum, d, workspace.cot_u + c);
  }
}

template <class P, bool kWantGradX, bool kWantWeights>
HWY_INLINE void backward_pass(const Network& network, Workspace& workspace, float* gradient) {
  const std::size_t w = network.width();
  zero(workspace.grad_x, network.dim() * network.particle_stride());
  zero(workspace.cot_h, network.particles() * w);
  if (kWantGradX) zero(workspace.cot_d2_input, network.edges().stride);
  for (std::size_t l = network.layers(); l-- > 0;) {
    const LayerView layer(network, workspace, l);
    LayerArrays<float> layer_gradient{};
    if constexpr (kWantWeights) layer_gradient = network.layer_gradient(gradient, l);
    update_cot_u(network, workspace);
    backward_layer<P, kWantGradX, kWantWeights>(layer, layer_gradient);
    if (l > 0) {
      apply_w1_to_nodes_vjp<kWantWeights>(layer, layer_gradient, workspace.cot_h);
      continue;
    }
    if constexpr (!kWantWeights) continue;          // behind it are the embedding's weights alone
    float* const cot_h_types = workspace.node_cot;  // (types, W); there are no more types than particles
    zero(cot_h_types, network.types() * w);
    for (std::size_t i = 0; i < network.particles(); ++i) {
      add_columns(workspace.cot_h + i * w, w, 1, w, cot_h_types + network.type_of()[i] * w);
    }
    apply_w1_to_nodes_vjp<kWantWeights>(layer, layer_gradient, cot_h_types);
    embed_vjp(network, workspace, cot_h_types, gradient);
  }
  if (kWantGradX && network.layers() > 1) input_distances_vjp(LayerView(network, workspace, 1));
}

template <class P>
HWY_ATTR void backward_pass(const Network& network, Workspace& workspace, float* gradient,
                            cpu::GradX grad_x) {
  if (gradient == nullptr) {
    backward_pass<P, true, false>(network, workspace, nullptr);
  } else if (grad_x == cpu::GradX::wanted) {
    backward_pass<P, true, true>(network, workspace, gradient);
  } else {
    backward_pass<P, false, true>(network, workspace, gradient);
  }
}

}  // namespace equibolt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // EQUIBOLT_EGNN_CPU_KERNELS_INL_H_
