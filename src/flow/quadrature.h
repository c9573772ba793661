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

/// Kronrod's extension of it: the 2n + 1 point rule on [begin, end] whose odd nodes (from 0) are Gauss's and
/// which is exact up to degree 3n + 1. 1 ≤ n ≤ 16.
Quadrature kronrod_extension(std::size_t n, double begin, double end);

/// The weights by which the polynomial through values at these nodes, different from each other, has its
/// integral over [begin, end]. In double, for some tens of nodes about the interval.
std::vector<double> interpolatory_weights(const std::vector<double>& nodes, double begin, double end);

}  // namespace equibolt
