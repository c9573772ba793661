#pragma once

#include <span>
#include <vector>

#include "egnn/vector_field.h"
#include "equibolt/configurations.h"

namespace equibolt {

/// The right-hand side dx/dt = v(t, x) as the integrators see it: a batch in float64, each sample with its
/// own time. A network is one kind; tests use fields with closed forms.
class Dynamics {
 public:
  virtual ~Dynamics() = default;

  /// t (B,), x (B, N, D) → v (B, N, D).
  virtual void velocity(std::span<const double> t, ConfigurationsView<const double> x,
                        ConfigurationsView<double> v) = 0;
  /// The same with the divergence ∇·v (B,).
  virtual void velocity_and_divergence(std::span<const double> t, ConfigurationsView<const double> x,
                                       ConfigurationsView<double> v, std::span<double> divergence) = 0;
};

/// A network's vector field, evaluated in float32.
class NetworkDynamics final : public Dynamics {
 public:
  /// `field` has to outlive this.
  explicit NetworkDynamics(VectorField& field) : field_(field) {}

  void velocity(std::span<const double> t, ConfigurationsView<const double> x,
                ConfigurationsView<double> v) override;
  void velocity_and_divergence(std::span<const double> t, ConfigurationsView<const double> x,
                               ConfigurationsView<double> v, std::span<double> divergence) override;

 private:
  void narrow(std::span<const double> t, ConfigurationsView<const double> x);

  VectorField& field_;
  std::vector<float> t_;
  std::vector<float> x_;
  std::vector<float> v_;
  std::vector<float> divergence_;
};

}  // namespace equibolt
