#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "equibolt/particle_types.h"

namespace equibolt {

/// What fixes the network's shape (paper, section 5; docs/mathematics.md).
struct Architecture {
  ParticleTypes types;            ///< (N,), in [0, type_features) when type_features > 0, else all 0
  std::size_t dim = 3;            ///< D
  std::size_t hidden = 32;        ///< h, width of every hidden layer
  std::size_t layers = 3;         ///< L
  std::size_t type_features = 0;  ///< length of the one-hot type in the node input; 0: no types, t alone

  std::size_t particles() const { return types.size(); }
  /// k = type_features + 1, the length of the node input [one-hot(type), t].
  std::size_t node_features() const { return type_features + 1; }

  bool operator==(const Architecture&) const = default;
};

/// Where each weight array lies in the flat parameter vector θ. Names are those of the paper's authors:
/// embedding, gcl_{l}.{edge_mlp.0, edge_mlp.2, att_mlp.0, coord_mlp.0, coord_mlp.2, node_mlp.0, node_mlp.2},
/// embedding_out, each .weight (rows = outputs, columns = inputs, row-major) and .bias (columns = 1).
struct ParameterLayout {
  struct Array {
    std::string name;
    std::size_t offset;
    std::size_t rows;
    std::size_t columns;
    bool is_bias;
    std::size_t size() const { return rows * columns; }
  };

  explicit ParameterLayout(const Architecture& architecture);

  const std::vector<Array>& arrays() const& { return arrays_; }
  const std::vector<Array>& arrays() const&& = delete;  // would dangle in a range-for
  /// The array of that name; it has to exist.
  const Array& operator[](const std::string& name) const;
  std::size_t size() const { return size_; }

 private:
  void add(const std::string& name, std::size_t rows, std::size_t columns, bool bias);
  std::vector<Array> arrays_;
  std::size_t size_ = 0;
};

}  // namespace equibolt
