#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "flow/dynamics.h"

namespace equibolt {

/// One accepted step of dopri5, from t to t + h, with its continuous extension of fourth order (Hairer,
/// Nørsett and Wanner, Solving Ordinary Differential Equations I, II.6).
struct DenseStep {
  double t;
  double h;
  std::vector<double> coefficients;  ///< (5, N·D)

  /// From x at both ends (N·D each) and the stages, stage(s, j) for s = 0 … 6.
  template <typename Stage>
  DenseStep(double t_begin, double h_step, std::span<const double> x0, std::span<const double> x1,
            const Stage& stage);

  /// x at t + θh, 0 ≤ θ ≤ 1, into out (N·D).
  void position(double theta, std::span<double> out) const;
};

template <typename Stage>
DenseStep::DenseStep(double t_begin, double h_step, std::span<const double> x0, std::span<const double> x1,
                     const Stage& stage)
    : t(t_begin), h(h_step), coefficients(5 * x0.size()) {
  constexpr double d[7] = {-12715105075. / 11282082432,   0,
                           87487479700. / 32700410799,    -10690763975. / 1880347072,
                           701980252875. / 199316789632., -1453857185. / 822651844,
                           69997945. / 29380423};
  const std::size_t n = x0.size();
  for (std::size_t j = 0; j < n; ++j) {
    const double difference = x1[j] - x0[j];
    const double slope = h * stage(0, j) - difference;
    double last = 0;
    for (std::size_t s = 0; s < 7; ++s) last += d[s] * stage(s, j);
    coefficients[j] = x0[j];
    coefficients[n + j] = difference;
    coefficients[2 * n + j] = slope;
    coefficients[3 * n + j] = difference - h * stage(6, j) - slope;
    coefficients[4 * n + j] = h * last;
  }
}

/// The steps of one sample's path, in order.
using DensePath = std::vector<DenseStep>;

/// ∫∇·v dt along paths, each (B,).
struct PathQuadrature {
  std::vector<double> integral;  ///< signed as the steps are; not finite where a divergence was not
  std::vector<double> error;     ///< an estimate of its error
  std::vector<std::size_t> divergences;
};

/// ∫∇·v dt along each path of configurations (N, D) by a rule of so many nodes on the whole path
/// (bent_gauss_legendre). `error` is zero: there is no estimate.
PathQuadrature divergence_at_nodes(Dynamics& dynamics, const std::vector<DensePath>& paths,
                                   std::size_t particles, std::size_t dim, std::size_t nodes, double bend);

/// ∫∇·v dt along each path of configurations (N, D): by three Gauss–Legendre nodes on each step, where the
/// path's own error control has made the steps short where much happens. The rule's error on a step is
/// estimated from its neighbours: a polynomial through the nodes of three steps in a row is of three degrees
/// more than the rule is exact for. Where the estimate exceeds tolerance/4, Kronrod's four nodes are added,
/// and panels whose seven nodes are not enough are halved. What a path gives does not depend on the others.
PathQuadrature divergence_along(Dynamics& dynamics, const std::vector<DensePath>& paths,
                                std::size_t particles, std::size_t dim, double tolerance);

}  // namespace equibolt
