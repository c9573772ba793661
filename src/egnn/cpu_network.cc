#include "egnn/cpu_network.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include "equibolt/error.h"

namespace equibolt::cpu {
namespace {

void cut_into_tiles(EdgeList& list, std::size_t tile_rows) {
  for (std::size_t row = 0; row < list.rows; row += tile_rows) {
    list.tiles.push_back({row, std::min(tile_rows, list.rows - row), 0, 0});
  }
  for (const Segment& segment : list.segments) {
    std::size_t done = 0;
    while (done < segment.count) {
      Tile& tile = list.tiles[(segment.row + done) / tile_rows];
      const std::size_t count = std::min(segment.count - done, tile.row + tile.count - (segment.row + done));
      if (tile.pieces == 0) tile.first_piece = list.pieces.size();
      ++tile.pieces;
      list.pieces.push_back({segment.i, segment.j + done, segment.row + done, count, segment.mirrored});
      done += count;
    }
  }
}

void add_segment(EdgeList& list, std::size_t particles, std::size_t i, std::size_t first_j,
                 std::size_t last_j, bool mirrored) {
  if (first_j == last_j) return;
  list.segments.push_back({i, first_j, list.rows, last_j - first_j, mirrored});
  for (std::size_t j = first_j; j < last_j; ++j) {
    list.i.push_back(static_cast<std::uint32_t>(i));
    list.j.push_back(static_cast<std::uint32_t>(mirrored ? j : particles));
  }
  list.rows += last_j - first_j;
}

void finish(EdgeList& list, std::size_t tile_rows) {
  list.stride = padded(list.rows, lane_multiple) + lane_multiple;
  cut_into_tiles(list, tile_rows);
}

}  // namespace

Network::Network(const Architecture& architecture, Precision precision)
    : dim_(architecture.dim),
      layers_(architecture.layers),
      width_(padded(architecture.hidden, width_multiple)),
      node_features_(architecture.node_features()),
      particle_stride_(padded(architecture.particles(), lane_multiple) + lane_multiple),
      tile_rows_(std::max<std::size_t>(1, 64 / width_) * 48) {
  const std::size_t n = architecture.particles();
  const ParticleTypes& types = architecture.types;
  order_.resize(n);
  std::iota(order_.begin(), order_.end(), 0U);
  std::stable_sort(order_.begin(), order_.end(), [&](auto a, auto b) { return types[a] < types[b]; });
  for (std::size_t s = 0; s < n; ++s) {
    if (s == 0 || types[order_[s]] != types[order_[s - 1]]) {
      feature_of_type_.push_back(static_cast<std::uint32_t>(types[order_[s]]));
    }
    type_of_.push_back(static_cast<std::uint32_t>(feature_of_type_.size() - 1));
  }

  for (std::size_t i = 0; i < n; ++i) {
    add_segment(edges_, n, i, 0, i, false);
    add_segment(edges_, n, i, i + 1, n, false);
    std::size_t group_first = i, group_end = i;
    while (group_first > 0 && type_of_[group_first - 1] == type_of_[i]) --group_first;
    while (group_end < n && type_of_[group_end] == type_of_[i]) ++group_end;
    add_segment(first_edges_, n, i, i + 1, group_end, true);
    add_segment(first_edges_, n, i, 0, group_first, false);
    add_segment(first_edges_, n, i, group_end, n, false);
  }
  finish(edges_, tile_rows_);
  finish(first_edges_, tile_rows_);

  place_parameters(architecture);
  weights_ = allocate_aligned<float>(size_);
  transposes_ = allocate_aligned<float>(layers_ * 7 * width_ * width_);
  if (precision == Precision::bf16) packed_ = allocate_aligned<float>(layers_ * 2 * width_ * width_);
}

std::size_t Network::layer_size() const {
  return 7 * width_ * width_ + 10 * width_ + lane_multiple;
}

template <typename T>
LayerArrays<T> Network::layer_arrays(T* base, std::size_t l) const {
  const std::size_t w = width_;
  T* next = base + (node_features_ + 1) * w + l * layer_size();
  const auto take = [&next](std::size_t size) {
    T* const taken = next;
    next += size;
    return taken;
  };
  LayerArrays<T> arrays{};
  arrays.w1 = take(2 * w * w);
  arrays.b1 = take(2 * w);
  arrays.w_d2 = take(w);
  arrays.w_d2_in = take(w);
  arrays.w2 = take(w * w);
  arrays.b2 = take(w);
  arrays.att = take(w);
  arrays.att_bias = take(lane_multiple);
  arrays.c1 = take(w * w);
  arrays.bc = take(w);
  arrays.c2 = take(w);
  arrays.n1 = take(2 * w * w);
  arrays.bn1 = take(w);
  arrays.n2 = take(w * w);
  arrays.bn2 = take(w);
  assert(next == base + (node_features_ + 1) * w + (l + 1) * layer_size());
  return arrays;
}
template LayerArrays<float> Network::layer_arrays(float* base, std::size_t l) const;
template LayerArrays<const float> Network::layer_arrays(const float* base, std::size_t l) const;

LayerProducts Network::products(std::size_t l, Precision precision) const {
  if (precision == Precision::fp32) return {transposes(l).w2, transposes(l).c1, layer(l).w2, layer(l).c1};
  assert(packed_ != nullptr);
  const std::size_t words = width_ * width_ / 2;
  const float* const base = packed_.get() + l * 4 * words;
  return {base, base + words, base + 2 * words, base + 3 * words};
}

/// Two rows of a right matrix to a row of words, rounded to the nearest, ties to even.
void Network::pack_products() {
  const auto rounded = [](float value) {
    if (std::isnan(value)) return std::uint32_t{0x7FC0};
    const auto bits = std::bit_cast<std::uint32_t>(value);
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  };
  float* to = packed_.get();
  for (std::size_t l = 0; l < layers_; ++l) {
    const LayerProducts from = products(l, Precision::fp32);
    for (const float* matrix : {from.w2_t, from.c1_t, from.w2, from.c1}) {
      for (std::size_t row = 0; row < width_; row += 2) {
        for (std::size_t c = 0; c < width_; ++c) {
          const float* const at = matrix + row * width_ + c;
          *to++ = std::bit_cast<float>(rounded(at[0]) | rounded(at[width_]) << 16);
        }
      }
    }
  }
}

void Network::place_parameters(const Architecture& architecture) {
  const ParameterLayout layout(architecture);
  const std::size_t h = architecture.hidden;
  const std::size_t w = width_;
  size_ = (node_features_ + 1) * w + layers_ * layer_size() + lane_multiple;
  if (size_ > std::numeric_limits<std::uint32_t>::max()) {
    throw UsageError("the network has {} weights, padded: expected fewer than 2^32", size_);
  }
  place_.assign(layout.size(), static_cast<std::uint32_t>(size_ - 1));
  // Entry (row, column) of the named array goes to first + row·row_step + column·column_step.
  const auto place = [&](const std::string& name, std::size_t first, std::size_t row_step,
                         std::size_t column_step, std::size_t first_column, std::size_t columns) {
    const auto& array = layout[name];
    for (std::size_t row = 0; row < array.rows; ++row) {
      for (std::size_t c = 0; c < columns; ++c) {
        place_[array.offset + row * array.columns + first_column + c] =
            static_cast<std::uint32_t>(first + row * row_step + c * column_step);
      }
    }
  };
  place("embedding.weight", 0, 1, w, 0, node_features_);
  place("embedding.bias", node_features_ * w, 1, 0, 0, 1);
  std::vector<float> block(size_);
  for (std::size_t l = 0; l < layers_; ++l) {
    const auto arrays = layer_arrays<float>(block.data(), l);
    const auto at = [&](const float* p) { return static_cast<std::size_t>(p - block.data()); };
    const auto matrix = [&](const char* name, const float* to, std::size_t row_step, std::size_t first_column,
                            std::size_t columns) {
      place(fmt::format("gcl_{}.{}", l, name), at(to), row_step, 1, first_column, columns);
    };
    matrix("edge_mlp.0.weight", arrays.w1, w, 0, h);
    matrix("edge_mlp.0.weight", arrays.w1 + w * w, w, h, h);
    matrix("edge_mlp.0.weight", arrays.w_d2, 1, 2 * h, 1);
    matrix("edge_mlp.0.weight", arrays.w_d2_in, 1, 2 * h + 1, 1);
    matrix("edge_mlp.0.bias", arrays.b1, 1, 0, 1);
    matrix("edge_mlp.2.weight", arrays.w2, w, 0, h);
    matrix("edge_mlp.2.bias", arrays.b2, 1, 0, 1);
    matrix("att_mlp.0.weight", arrays.att, 0, 0, h);
    matrix("att_mlp.0.bias", arrays.att_bias, 0, 0, 1);
    matrix("coord_mlp.0.weight", arrays.c1, w, 0, h);
    matrix("coord_mlp.0.bias", arrays.bc, 1, 0, 1);
    matrix("coord_mlp.2.weight", arrays.c2, 0, 0, h);
    matrix("node_mlp.0.weight", arrays.n1, 2 * w, 0, h);
    matrix("node_mlp.0.weight", arrays.n1 + w, 2 * w, h, h);
    matrix("node_mlp.0.bias", arrays.bn1, 1, 0, 1);
    matrix("node_mlp.2.weight", arrays.n2, w, 0, h);
    matrix("node_mlp.2.bias", arrays.bn2, 1, 0, 1);
  }
}

void Network::set_parameters(std::span<const float> parameters) {
  assert(parameters.size() == place_.size());
  std::fill_n(weights_.get(), size_, 0.0F);
  for (std::size_t p = 0; p < place_.size(); ++p) weights_[place_[p]] = parameters[p];

  const std::size_t w = width_;
  const auto transpose = [](const float* from, std::size_t rows, std::size_t columns, float* out) {
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) out[c * rows + r] = from[r * columns + c];
    }
  };
  for (std::size_t l = 0; l < layers_; ++l) {
    const LayerArrays<const float> from = layer(l);
    const LayerTransposes<float> to = layer_transposes<float>(transposes_.get(), l);
    transpose(from.w1, 2 * w, w, to.w1);
    transpose(from.w2, w, w, to.w2);
    transpose(from.c1, w, w, to.c1);
    transpose(from.n1, w, 2 * w, to.n1);
    transpose(from.n2, w, w, to.n2);
  }
  if (packed_ != nullptr) pack_products();
}

void Network::unpack_gradient(std::span<const double> gradient, std::span<float> parameters) const {
  for (std::size_t p = 0; p < place_.size(); ++p) parameters[p] = static_cast<float>(gradient[place_[p]]);
}

template <typename Take>
void Workspace::lay_out(const Network& network, const Take& take) {
  const std::size_t n = network.particles(), w = network.width();
  const std::size_t stride = std::max(network.edges().stride, network.first_edges().stride);
  const std::size_t tile = network.tile_rows();
  const std::size_t coordinates = network.dim() * network.particle_stride();
  const std::size_t nodes = std::max(n, network.types());

  const auto take_edges = [&](LayerState& state, std::size_t count) {
    for (float** array : {&state.a1, &state.m}) *array = take(count * w / per_word(precision));
    for (float** array : {&state.s1, &state.s2, &state.a3, &state.s3}) *array = take(count * w);
  };
  const auto take_state = [&](LayerState& state) {
    state.node_input = take(n * 2 * w);
    state.node_a = take(n * w);
    state.node_s = take(n * w);
    state.r = take(network.dim() * stride);
    for (float** array : {&state.d2, &state.inverse_length, &state.gate, &state.phi}) *array = take(stride);
  };
  x = take(coordinates);
  u = take(coordinates);
  h_types = take(network.types() * w);
  pq = take(nodes * 2 * w);
  d2_input = take(stride);
  row_weight = take(stride);
  partial = take(tile * lane_multiple);
  layers.resize(network.layers());
  if (keep == Keep::nothing) {
    LayerState shared{};
    take_state(shared);
    take_edges(shared, tile);
    std::fill(layers.begin(), layers.end(), shared);
    return;
  }
  LayerState shared{};
  if (keep != Keep::features) take_edges(shared, tile);
  for (std::size_t l = 0; l < network.layers(); ++l) {
    const std::size_t rows = network.edges_of(l).rows;
    layers[l] = shared;
    take_state(layers[l]);
    if (keep == Keep::features) take_edges(layers[l], rows);
    if (keep == Keep::preactivations) {
      layers[l].z2 = take(rows * w);
      layers[l].z3 = take(rows * w);
    }
  }
  for (float** array : {&cot_v, &cot_u, &grad_x}) *array = take(coordinates);
  for (float** array : {&along, &cot_y, &cot_d2, &cot_d2_input}) *array = take(stride);
  cot_pq = take(nodes * 2 * w);
  cot_h = take(n * w);
  cot_sum_m = take((n + 1) * w);
  node_cot = take(n * w);
  cot_a = take(tile * w);
  cot_b = take(tile * w);
  partial_b = take(tile * lane_multiple);
  if (precision == Precision::bf16) {
    for (float** array : {&by_rows_a, &by_rows_b}) *array = take(tile * w / 2);
  }
  cot_gate = take(tile);
}

std::size_t Workspace::bytes(const Network& network, Keep keep, Precision precision) {
  Workspace empty;
  empty.keep = keep;
  empty.precision = precision;
  return Arena::size_of([&](const auto& take) { empty.lay_out(network, take); }) * sizeof(float);
}

Workspace::Workspace(const Network& network, Keep keep_, Precision precision_)
    : keep(keep_), precision(precision_) {
  arena_.make([&](const auto& take) { lay_out(network, take); });
}

}  // namespace equibolt::cpu
