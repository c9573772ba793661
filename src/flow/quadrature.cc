#include "flow/quadrature.h"

#include <cmath>
#include <numbers>

namespace equibolt {
namespace {

/// P_n and its derivative at x, by Bonnet's recursion.
struct Legendre {
  double value, slope;
};
Legendre legendre(std::size_t n, double x) {
  double before = 1, value = x;
  for (std::size_t k = 2; k <= n; ++k) {
    const double degree = static_cast<double>(k);
    const double next = ((2 * degree - 1) * x * value - (degree - 1) * before) / degree;
    before = value;
    value = next;
  }
  return {value, static_cast<double>(n) * (x * value - before) / (x * x - 1)};
}

}  // namespace

Quadrature gauss_legendre(std::size_t n, double begin, double end) {
  Quadrature rule{std::vector<double>(n), std::vector<double>(n)};
  const double half = (end - begin) / 2, middle = (end + begin) / 2;
  for (std::size_t k = 0; k < n; ++k) {
    // The nodes are the roots of P_n; Newton's method from Tricomi's estimate converges in a few steps.
    double x = -std::cos(std::numbers::pi * (static_cast<double>(k) + 0.75) / (static_cast<double>(n) + 0.5));
    for (int iteration = 0; iteration < 10; ++iteration) {
      const Legendre p = legendre(n, x);
      x -= p.value / p.slope;
    }
    const double slope = legendre(n, x).slope;
    rule.nodes[k] = middle + half * x;
    rule.weights[k] = half * 2 / ((1 - x * x) * slope * slope);
  }
  return rule;
}

}  // namespace equibolt
