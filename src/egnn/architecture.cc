#include "egnn/architecture.h"

#include <cassert>

#include "equibolt/error.h"

namespace equibolt {

ParameterLayout::ParameterLayout(const Architecture& architecture) {
  const std::size_t h = architecture.hidden;
  const std::size_t k = architecture.node_features();
  add("embedding", h, k, true);
  for (std::size_t l = 0; l < architecture.layers; ++l) {
    const std::string layer = fmt::format("gcl_{}.", l);
    add(layer + "edge_mlp.0", h, 2 * h + 2, true);
    add(layer + "edge_mlp.2", h, h, true);
    add(layer + "att_mlp.0", 1, h, true);
    add(layer + "coord_mlp.0", h, h, true);
    add(layer + "coord_mlp.2", 1, h, false);
    add(layer + "node_mlp.0", h, 2 * h, true);
    add(layer + "node_mlp.2", h, h, true);
  }
  add("embedding_out", k, h, true);
}

void ParameterLayout::add(const std::string& name, std::size_t rows, std::size_t columns, bool bias) {
  arrays_.push_back({name + ".weight", size_, rows, columns, false});
  size_ += rows * columns;
  if (bias) {
    arrays_.push_back({name + ".bias", size_, rows, 1, true});
    size_ += rows;
  }
}

const ParameterLayout::Array& ParameterLayout::operator[](const std::string& name) const {
  for (const Array& array : arrays_) {
    if (array.name == name) return array;
  }
  throw UsageError("no weight array is called '{}'", name);
}

}  // namespace equibolt
