#include "bench/cases.h"

namespace equibolt::bench {
namespace {

/// Edges of layer 0 whose messages have to be computed: of i←j and j←i between particles of one type, one.
double first_layer_edges(const Architecture& a) {
  double count = 0;
  for (std::size_t i = 0; i < a.particles(); ++i) {
    for (std::size_t j = 0; j < a.particles(); ++j) count += i < j || (i > j && a.types[i] != a.types[j]);
  }
  return count;
}

}  // namespace

Architecture untyped(std::size_t particles, std::size_t hidden, std::size_t layers) {
  return {ParticleTypes(particles, 0), 3, hidden, layers, 0};
}

std::vector<Case> cases() {
  Architecture molecule = untyped(22, 64, 5);
  molecule.type_features = 9;
  molecule.types = {0, 1, 0, 0, 4, 3, 5, 0, 6, 0, 1, 0, 0, 0, 7, 3, 8, 0, 1, 0, 0, 0};
  return {{"A", untyped(13, 32, 3), 256, 32},
          {"B", untyped(55, 64, 5), 32, 2},
          {"C", untyped(22, 64, 5), 256, 8},
          {"M", molecule, 256, 8}};
}

Work velocity_work(const Architecture& a) {
  const auto n = static_cast<double>(a.particles()), h = static_cast<double>(a.hidden);
  const auto layers = static_cast<double>(a.layers);
  const double edges = n * (n - 1);
  // Per edge: the first map's columns for both distances, W2, the gate, W3, w4. Per node: W1 for h_i and for
  // h_j, then the node network, which the last layer does not need.
  const double edge = 2 * h + 2 * h * h + 2 * h;
  const double all_edges = first_layer_edges(a) + (layers - 1) * edges;
  const double nodes = layers * n * 2 * h * h + (layers - 1) * n * 3 * h * h;
  return {2 * layers * (edges * (edge + 2 * h * h) + n * 3 * h * h), 2 * (all_edges * edge + nodes)};
}

Work loss_gradient_work(const Architecture& a) {
  const Work once = velocity_work(a);  // and two products as large for the inputs' and the weights' adjoints
  return {3 * once.written, 3 * once.needed};
}

Work divergence_work(const Architecture& a) {
  const auto n = static_cast<double>(a.particles()), dim = static_cast<double>(a.dim);
  const auto h = static_cast<double>(a.hidden);
  const double edges = n * (n - 1), tangents = n * dim, columns = n + dim - 1;
  // The table of docs/mathematics-divergence.md, section 6, in products of an (h, h) matrix with a vector.
  double products = 5 * first_layer_edges(a);
  for (std::size_t l = 1; l < a.layers; ++l) {
    const bool last = l + 1 == a.layers, before = l + 2 == a.layers;
    products += (last || before ? 4 : 5) * edges + 5 * n;
    if (before) {
      products += edges * columns + n * (5 * columns + 2 * (a.layers == 3 ? columns : tangents)) + n * n;
    } else if (!last && l == 1) {
      products += edges * (columns + 4) + 3 * n * (columns + tangents);
    } else if (!last) {
      products += edges * (tangents + 4) + 6 * n * tangents;
    }
  }
  return {(1 + tangents) * velocity_work(a).written, 2 * h * h * products};
}

}  // namespace equibolt::bench
