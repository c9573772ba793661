#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <vector>

#include "egnn/architecture.h"
#include "egnn/cuda/weights.h"

/// Where in θ the weights lie and the sums of their gradients go.
namespace EQUIBOLT_CUDA_NAMESPACE {

/// (L,)
inline std::vector<LayerPlaces> layer_places(const Architecture& architecture,
                                             const ParameterLayout& layout) {
  const std::size_t h = architecture.hidden;
  std::vector<LayerPlaces> places(architecture.layers);
  for (std::size_t l = 0; l < places.size(); ++l) {
    LayerPlaces& p = places[l];
    const auto matrix = [&](Matrix m, const char* name, std::size_t first_column) {
      const auto& array = layout[fmt::format("gcl_{}.{}.weight", l, name)];
      p.matrix[m] = static_cast<int>(array.offset + first_column);
      p.matrix_stride[m] = static_cast<int>(array.columns);
    };
    matrix(kA, "edge_mlp.0", 0);
    matrix(kB, "edge_mlp.0", h);
    matrix(kW2, "edge_mlp.2", 0);
    matrix(kC1, "coord_mlp.0", 0);
    matrix(kN1h, "node_mlp.0", 0);
    matrix(kN1s, "node_mlp.0", h);
    matrix(kN2, "node_mlp.2", 0);
    const auto vector = [&](Vector v, const char* name, std::size_t first, std::size_t stride) {
      p.vector[v] = static_cast<int>(layout[fmt::format("gcl_{}.{}", l, name)].offset + first);
      p.vector_stride[v] = static_cast<int>(stride);
    };
    vector(kB1, "edge_mlp.0.bias", 0, 1);
    vector(kWd2, "edge_mlp.0.weight", 2 * h, 2 * h + 2);
    vector(kWd2in, "edge_mlp.0.weight", 2 * h + 1, 2 * h + 2);
    vector(kB2, "edge_mlp.2.bias", 0, 1);
    vector(kAtt, "att_mlp.0.weight", 0, 1);
    vector(kAttBias, "att_mlp.0.bias", 0, 1);
    vector(kBc, "coord_mlp.0.bias", 0, 1);
    vector(kC2, "coord_mlp.2.weight", 0, 1);
    vector(kBn1, "node_mlp.0.bias", 0, 1);
    vector(kBn2, "node_mlp.2.bias", 0, 1);
  }
  return places;
}

/// Where in θ the sums of Backward go, in the order in which the field lays them out; −1 where padding is.
/// H: the width that h is padded to.
template <int H>
std::vector<int> gradient_places(const std::vector<LayerPlaces>& layers, const Weights& weights) {
  const int h = weights.hidden;
  std::vector<int> places;
  const auto outer = [&](const LayerPlaces& p, bool there, Matrix m, int bias) {
    for (int row = 0; row < H; ++row) {
      for (int c = 0; c < H + 8; ++c) {
        int place = -1;
        if (there && row < h && c < h) place = p.matrix[m] + row * p.matrix_stride[m] + c;
        if (there && row < h && c == H && bias >= 0) place = p.vector[bias] + row * p.vector_stride[bias];
        places.push_back(place);
      }
    }
  };
  for (const LayerPlaces& p : layers) {
    outer(p, true, kW2, kB2);
    outer(p, true, kC1, kBc);
  }
  for (const LayerPlaces& p : layers) {
    for (const Vector v : {kWd2, kWd2in, kAtt, kC2}) {
      for (int c = 0; c < H; ++c) places.push_back(c < h ? p.vector[v] + c * p.vector_stride[v] : -1);
    }
    for (int c = 0; c < 8; ++c) places.push_back(c == 0 ? p.vector[kAttBias] : -1);
  }
  for (const LayerPlaces& p : layers) {
    const bool last = &p == &layers.back();
    outer(p, true, kA, kB1);
    outer(p, true, kB, -1);
    outer(p, !last, kN1h, kBn1);
    outer(p, !last, kN1s, -1);
    outer(p, !last, kN2, kBn2);
    outer(p, false, kN2, -1);
  }
  for (int row = 0; row <= weights.node_features; ++row) {
    for (int c = 0; c < H; ++c) {
      const int place = row == weights.node_features ? weights.embedding_bias + c
                                                     : weights.embedding + c * weights.node_features + row;
      places.push_back(c < h ? place : -1);
    }
  }
  return places;
}

}  // namespace EQUIBOLT_CUDA_NAMESPACE
