#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <span>
#include <vector>

#include "egnn/architecture.h"

namespace equibolt {

/// v_θ in float64 throughout, for whoever asks how large float32's and the integrators' errors are. The plain
/// reference (egnn/spec/reference.h) with the loops over edges as matrix products: about ten times as fast,
/// and some tens of times slower than the kernels. Thread-safe.
class PreciseField {
 public:
  /// `parameters` in the order of ParameterLayout; copied.
  PreciseField(Architecture architecture, std::span<const float> parameters);

  const Architecture& architecture() const { return architecture_; }

  /// v (N, D) of one configuration x (N, D).
  void velocity(double t, std::span<const double> x, std::span<double> v) const;

  /// The same; returns Σ_k ∂v_k/∂x_k, by one forward tangent for each coordinate k.
  double velocity_and_divergence(double t, std::span<const double> x, std::span<double> v) const;

 private:
  using Matrix = Eigen::MatrixXd;
  using Vector = Eigen::VectorXd;

  /// The weights of a layer in the symbols of docs/mathematics-divergence.md: W1 = [A B u w], W5 = [C E].
  struct Layer {
    Matrix A, B, W2, W3, C, E, W6;
    Vector u, w, b1, b2, attention, b3, w4, b5, b6;
    double attention_bias;
  };
  /// What the tangents of one layer need of its values; features are rows, edges (i·(N−1) + …) are columns.
  struct Trace {
    Matrix slope1, m, slope2, slope3, slope5;
    Matrix r;  ///< (D, edges)
    Eigen::RowVectorXd d2, gate, phi, q;
  };

  std::vector<Trace> forward(double t, std::span<const double> x, std::span<double> v) const;
  double tangent(const std::vector<Trace>& traces, std::size_t coordinate) const;

  Architecture architecture_;
  std::size_t particles_, dim_;
  double range_;
  Matrix embedding_;
  Vector embedding_bias_;
  std::vector<Layer> layers_;
  std::vector<Eigen::Index> from_, to_;  ///< i and j of each edge i←j
};

}  // namespace equibolt
