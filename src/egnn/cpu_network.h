#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "egnn/architecture.h"
#include "egnn/arena.h"
#include "egnn/precision.h"

/// What the CPU kernels work on: the network's weights in their order, the lists of edges and the scratch
/// memory of one worker. No arithmetic here.
namespace equibolt::cpu {

/// Widths are padded with zeros to a multiple of two of the widest vectors.
inline constexpr std::size_t width_multiple = 2 * lane_multiple;

/// Rows of an edge list with the same particle i and consecutive particles j.
struct Segment {
  std::size_t i;
  std::size_t j;    ///< of the first row
  std::size_t row;  ///< the first
  std::size_t count;
  bool mirrored;  ///< each row stands for i←j and for j←i, which have the same message
};

/// Rows that are worked on at a time, so that their features stay in the caches.
struct Tile {
  std::size_t row;
  std::size_t count;
  std::size_t first_piece;
  std::size_t pieces;
};

struct EdgeList {
  std::size_t rows = 0;
  std::size_t stride = 0;         ///< length of an array with a number per row: padded, with room to overrun
  std::vector<Segment> segments;  ///< rows ascending
  std::vector<Segment> pieces;    ///< the segments, cut where tiles end
  std::vector<Tile> tiles;
  std::vector<std::uint32_t> i;  ///< (rows,)
  std::vector<std::uint32_t> j;  ///< (rows,), or N, the index of a row of zeros, where not mirrored
};

/// Pointers to one layer's weights, or to their gradient: W is the padded width, matrices are (outputs,
/// inputs), aligned, and zero where padded.
template <typename T>
struct LayerArrays {
  T* w1;        ///< (2W, W): edge_mlp.0 for h_i, below it that for h_j
  T* b1;        ///< (2W,): its bias, then zeros
  T* w_d2;      ///< (W,): its column for d² of the layer
  T* w_d2_in;   ///< (W,): its column for d² of the input
  T* w2;        ///< (W, W): edge_mlp.2
  T* b2;        ///< (W,)
  T* att;       ///< (W,): att_mlp.0
  T* att_bias;  ///< (1,)
  T* c1;        ///< (W, W): coord_mlp.0
  T* bc;        ///< (W,)
  T* c2;        ///< (W,): coord_mlp.2
  T* n1;        ///< (W, 2W): node_mlp.0
  T* bn1;       ///< (W,)
  T* n2;        ///< (W, W): node_mlp.2
  T* bn2;       ///< (W,)
};

/// The matrices transposed, (inputs, outputs), for the forward products.
template <typename T>
struct LayerTransposes {
  T* w1;  ///< (W, 2W)
  T* w2;
  T* c1;
  T* n1;  ///< (2W, W)
  T* n2;
};

/// The right matrices of the edges' products, as the kernels of a precision want them (precision-inl.h).
struct LayerProducts {
  const float* w2_t;
  const float* c1_t;
  const float* w2;
  const float* c1;
};

/// Numbers in a word of an operand.
inline std::size_t per_word(Precision precision) {
  return precision == Precision::bf16 ? 2 : 1;
}

/// The network in the order of the kernels. Particles are sorted by type (stably), so that the edges whose
/// messages coincide lie together.
class Network {
 public:
  /// With Precision::bf16 it serves workspaces of both precisions.
  explicit Network(const Architecture& architecture, Precision precision = Precision::fp32);

  void set_parameters(std::span<const float> parameters);

  std::size_t particles() const { return order_.size(); }
  std::size_t dim() const { return dim_; }
  std::size_t layers() const { return layers_; }
  std::size_t width() const { return width_; }
  /// Length of an array with a number per particle.
  std::size_t particle_stride() const { return particle_stride_; }
  /// The number of types that occur: before layer 0, all particles of one have the same h.
  std::size_t types() const { return feature_of_type_.size(); }
  float range() const { return 15.0F / static_cast<float>(layers_); }

  /// order()[s]: the caller's index of the particle that is s-th here.
  const std::vector<std::uint32_t>& order() const { return order_; }
  /// (N,): the type of the s-th particle, counted among those that occur.
  const std::vector<std::uint32_t>& type_of() const { return type_of_; }
  /// (types,): the type's place in the one-hot input.
  const std::vector<std::uint32_t>& feature_of_type() const { return feature_of_type_; }
  bool has_type_features() const { return node_features_ > 1; }
  std::size_t node_features() const { return node_features_; }

  /// Layer 0: directed edges, but mirrored ones only once.
  const EdgeList& first_edges() const { return first_edges_; }
  /// The other layers: all directed edges.
  const EdgeList& edges() const { return edges_; }
  const EdgeList& edges_of(std::size_t layer) const { return layer == 0 ? first_edges_ : edges_; }
  std::size_t tile_rows() const { return tile_rows_; }

  LayerArrays<const float> layer(std::size_t l) const { return layer_arrays<const float>(weights_.get(), l); }
  LayerTransposes<const float> transposes(std::size_t l) const {
    return layer_transposes<const float>(transposes_.get(), l);
  }
  LayerProducts products(std::size_t l, Precision precision) const;
  /// (k, W): the columns of the embedding, and its bias.
  const float* embedding() const { return weights_.get(); }
  const float* embedding_bias() const { return weights_.get() + node_features_ * width_; }

  /// The gradient has the weights' order; its length, padding included.
  std::size_t gradient_size() const { return size_; }
  LayerArrays<float> layer_gradient(float* gradient, std::size_t l) const {
    return layer_arrays<float>(gradient, l);
  }
  /// From there to the order of ParameterLayout.
  void unpack_gradient(std::span<const double> gradient, std::span<float> parameters) const;

 private:
  template <typename T>
  LayerArrays<T> layer_arrays(T* base, std::size_t l) const;
  template <typename T>
  LayerTransposes<T> layer_transposes(T* base, std::size_t l) const {
    const std::size_t square = width_ * width_;
    base += l * 7 * square;
    return {base, base + 2 * square, base + 3 * square, base + 4 * square, base + 6 * square};
  }
  std::size_t layer_size() const;
  void place_parameters(const Architecture& architecture);
  void pack_products();

  std::size_t dim_;
  std::size_t layers_;
  std::size_t width_;
  std::size_t node_features_;
  std::size_t particle_stride_;
  std::size_t tile_rows_;
  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> type_of_;
  std::vector<std::uint32_t> feature_of_type_;
  EdgeList first_edges_;
  EdgeList edges_;
  std::size_t size_ = 0;
  std::vector<std::uint32_t> place_;  ///< (parameters,): where each lies; unused ones share the last place
  AlignedArray<float> weights_;
  AlignedArray<float> transposes_;
  AlignedArray<float> packed_;  ///< (layers, 4, W, W) in bf16, where wanted
};

/// What the forward pass leaves of one layer.
struct LayerState {
  float* node_input;      ///< (N, 2W): h before the layer, then Σ_j of the gated messages
  float* node_a;          ///< (N, W): silu of the node network's first map
  float* node_s;          ///< (N, W): its derivative
  float* r;               ///< (D, stride): x_i − x_j
  float* d2;              ///< (stride,), and the rest too
  float* inverse_length;  ///< 1 / (√(d² + 1e-8) + 1)
  float* gate;
  float* phi;
  // Edge features, (tile_rows, W), or (rows, W) where they are kept: values and derivatives of silu. a1 and m
  // are words of the workspace's precision.
  float* a1;
  float* s1;
  float* m;
  float* s2;
  float* a3;
  float* s3;
  float* z2;  ///< (rows, W) where kept: the second and third silu's arguments
  float* z3;
};

/// Scratch memory of one worker, and one sample's input and output, particles in the network's order.
class Workspace {
 public:
  /// What the forward pass keeps of each edge. Gradients are the same; less memory traffic pays for more
  /// arithmetic when a sample outgrows the caches.
  enum class Keep {
    nothing,         ///< for the velocity alone
    nodes,           ///< nothing of the edges: all is computed again
    preactivations,  ///< the arguments of two silu
    features,        ///< values and derivatives of all three silu
  };
  Workspace(const Network& network, Keep keep, Precision precision = Precision::fp32);
  /// Bytes that it would need.
  static std::size_t bytes(const Network& network, Keep keep, Precision precision);

  Keep keep;
  Precision precision;
  float t = 0;
  // (D, particle_stride): coordinate k of all particles lies together.
  float* x;
  float* u;  ///< x^l − x^0
  float* cot_v;
  float* cot_u;
  float* grad_x;

  std::vector<LayerState> layers;
  float* h_types;     ///< (types, W): h before layer 0
  float* pq;          ///< (max(N, types), 2W): W1's parts for h_i and for h_j, applied
  float* d2_input;    ///< (edges().stride,)
  float* row_weight;  ///< (stride,), as the following
  float* along;
  float* cot_y;
  float* cot_d2;
  float* cot_d2_input;
  float* cot_pq;     ///< (max(N, types), 2W)
  float* cot_h;      ///< (N, W)
  float* cot_sum_m;  ///< (N + 1, W), the last row zero
  float* node_cot;   ///< (N, W)
  // One tile: (tile_rows, W) and (tile_rows, lane_multiple).
  float* cot_a;
  float* cot_b;
  float* partial;
  float* partial_b;
  float* by_rows_a;  ///< operands in another order, with bf16
  float* by_rows_b;
  float* cot_gate;  ///< (tile_rows,)

 private:
  template <typename Take>
  void lay_out(const Network& network, const Take& take);
  Workspace() = default;
  Arena arena_;
};

}  // namespace equibolt::cpu
