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
  if (n == 0) return {1, 0};
  double before = 1, value = x;
  for (std::size_t k = 2; k <= n; ++k) {
    const double degree = static_cast<double>(k);
    const double next = ((2 * degree - 1) * x * value - (degree - 1) * before) / degree;
    before = value;
    value = next;
  }
  return {value, static_cast<double>(n) * (x * value - before) / (x * x - 1)};
}

/// ∫ over [−1, 1] of P_n x^k: of the Legendre series of x^k by Gauss's rule.
double moment(std::size_t n, std::size_t k) {
  const Quadrature rule = gauss_legendre((n + k) / 2 + 1, -1, 1);
  double sum = 0;
  for (std::size_t i = 0; i < rule.nodes.size(); ++i) {
    sum += rule.weights[i] * legendre(n, rule.nodes[i]).value * std::pow(rule.nodes[i], k);
  }
  return sum;
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

Quadrature bent_gauss_legendre(std::size_t n, double begin, double end, double bend) {
  Quadrature rule = gauss_legendre(n, -1, 1);
  const double half = (end - begin) / 2, middle = (end + begin) / 2;
  const double towards = end > begin ? bend : -bend;
  for (std::size_t k = 0; k < n; ++k) {
    const double x = rule.nodes[k];
    rule.nodes[k] = middle + half * (x + towards * (1 - x * x) / 2);
    rule.weights[k] *= half * (1 - towards * x);
  }
  return rule;
}

Quadrature kronrod_extension(std::size_t n, double begin, double end) {
  // The new nodes are the roots of Stieltjes' polynomial E = x^(n+1) + …, of the parity of n + 1, that is
  // orthogonal to all lower powers with the weight P_n. From the highest coefficient on each condition gives
  // the next, since ∫ P_n x^k is zero for k < n.
  std::vector<double> coefficients(n + 2);
  coefficients[n + 1] = 1;
  for (std::size_t k = n + 1; k >= 2; k -= 2) {
    const std::size_t power = n + 2 - k;  // so that x^(k−2) · x^power is the lowest that counts, x^n
    double sum = 0;
    for (std::size_t c = k; c <= n + 1; c += 2) sum += coefficients[c] * moment(n, c + power);
    coefficients[k - 2] = -sum / moment(n, n);
  }
  const auto stieltjes = [&](double x) {
    double value = 0;
    for (std::size_t c = n + 2; c-- > 0;) value = value * x + coefficients[c];
    return value;
  };
  // They lie between Gauss's nodes and beyond them.
  const Quadrature gauss = gauss_legendre(n, -1, 1);
  std::vector<double> nodes(2 * n + 1);
  for (std::size_t k = 0; k <= n; ++k) {
    double low = k == 0 ? -1 : gauss.nodes[k - 1], high = k == n ? 1 : gauss.nodes[k];
    const bool rising = stieltjes(high) > 0;
    for (int halving = 0; halving < 100; ++halving) {
      const double middle = (low + high) / 2;
      ((stieltjes(middle) > 0) == rising ? high : low) = middle;
    }
    nodes[2 * k] = (low + high) / 2;
    if (k < n) nodes[2 * k + 1] = gauss.nodes[k];
  }
  Quadrature rule{nodes, interpolatory_weights(nodes, -1, 1)};
  const double half = (end - begin) / 2, middle = (end + begin) / 2;
  for (double& node : rule.nodes) node = middle + half * node;
  for (double& weight : rule.weights) weight *= half;
  return rule;
}

std::vector<double> interpolatory_weights(const std::vector<double>& nodes, double begin, double end) {
  // Each weight is the integral of a Lagrange polynomial, of degree below n, by Gauss's rule.
  const Quadrature rule = gauss_legendre(nodes.size() / 2 + 1, begin, end);
  std::vector<double> weights(nodes.size(), 0.0);
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    for (std::size_t i = 0; i < rule.nodes.size(); ++i) {
      double lagrange = 1;
      for (std::size_t other = 0; other < nodes.size(); ++other) {
        if (other != k) lagrange *= (rule.nodes[i] - nodes[other]) / (nodes[k] - nodes[other]);
      }
      weights[k] += rule.weights[i] * lagrange;
    }
  }
  return weights;
}

}  // namespace equibolt
