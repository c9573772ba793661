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

/// Gauss and Legendre's nodes in s, where t = s + bend · s (1 − s) and both run from 0 at the earlier end of
/// [begin, end] to 1 at the later one: for bend > 0 denser towards the later end, as suits ∇·v along paths
/// that steepen there. Exact for polynomials in t up to degree n − 1, and 2n − 1 with bend = 0. n ≥ 1, 0 ≤
/// bend < 1.
Quadrature bent_gauss_legendre(std::size_t n, double begin, double end, double bend);

/// Kronrod's extension of the Gauss–Legendre rule: the 2n + 1 point rule on [begin, end] whose odd nodes
/// (from 0) are Gauss's and which is exact up to degree 3n + 1. 1 ≤ n ≤ 16.
Quadrature kronrod_extension(std::size_t n, double begin, double end);

/// The weights by which the polynomial through values at these nodes, different from each other, has its
/// integral over [begin, end]. In double, for some tens of nodes about the interval.
std::vector<double> interpolatory_weights(const std::vector<double>& nodes, double begin, double end);

}  // namespace equibolt
