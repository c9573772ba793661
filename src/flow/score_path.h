#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "egnn/vector_field.h"
#include "equibolt/configurations.h"

namespace equibolt {

struct ScorePathOptions {
  std::size_t steps = 12;  ///< of RK4, finer towards t = 1, where the score changes fastest
  std::size_t probes = 1;  ///< random directions for ∇(∇·v) at each stage
};

/// Carries configurations together with the score ∇ log p of their density from t = 1 back to t = 0, and
/// differentiates where they arrive by θ. Along a path, J being ∂v/∂x,
///
///   dx/dt = v,   ds/dt = −Jᵀ s − ∇(∇·v).
///
/// ∇(∇·v) is E[d/dh J(x + hε)ᵀ ε] over random ε with E εεᵀ = 1, taken as a central difference in h: with Jᵀ s
/// in the same products, two vector-Jacobian products are all that a stage's score needs. The estimate of s
/// is unbiased up to that difference. docs/mathematics-path-gradient.md has the derivation.
class ScorePath {
 public:
  /// `field` has to outlive this.
  ScorePath(VectorField& field, const ScorePathOptions& options);

  /// x (B, N, D), mean-free, and its score (B, N, D) at t = 1 become those at t = 0; returns an unbiased
  /// estimate of ∫₀¹ ∇·v dt (B,). The ε follow from (seed, step, number of the sample and of the probe).
  std::vector<double> carry_back(ConfigurationsView<float> x, ConfigurationsView<float> score,
                                 std::uint64_t seed, std::size_t step);

  /// In what follows, sample b of the last carry_back stands where sample `other` does: for one whose path
  /// left the finite numbers.
  void replace(std::size_t b, std::size_t other);

  /// gradient (θ) += Σ_b w_b · ∂x0_b/∂θ for cotangents w (B, N, D) of where the last carry_back arrived:
  /// exact for the discrete map x1 → x0. w becomes w · ∂x0/∂x1.
  void add_gradient(ConfigurationsView<float> w, std::span<double> gradient);

 private:
  void score_rate(double t, ConfigurationsView<const float> x, ConfigurationsView<const float> score,
                  std::uint64_t seed, std::size_t first_probe, ConfigurationsView<float> rate,
                  std::span<double> divergence);

  VectorField& field_;
  std::size_t probes_;
  std::vector<double> times_;                   // (steps + 1), falling from 1 to 0
  std::vector<Configurations<float>> visited_;  // x of each stage of the last carry_back
  std::vector<float> stage_times_;
  std::vector<float> parameter_gradient_;
  Configurations<float> probe_, displaced_, cotangents_, products_;  // the latter three (2B, N, D)
};

}  // namespace equibolt
