#pragma once

#include <cstddef>
#include <vector>

namespace equibolt {

/// A quadrature rule: ∫ f ≈ Σ weight_k f(node_k).
struct Quadrature {
  std::vector<double> nodes;  ///< in the order from begin to end
  std::vector<double> weights;
};

/// The n-point Gauss–Legendre rule on [begin, end], exact for polynomials up to degree 2n − 1. Weights are
/// negative when end < begin. n ≥ 1.
Quadrature gauss_legendre(std::size_t n, double begin, double end);

}  // namespace equibolt
