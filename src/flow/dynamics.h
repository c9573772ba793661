#pragma once

#include <span>
#include <vector>

#include "core/threads.h"
#include "egnn/precise_field.h"
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
///
/// With `probes` > 0 the divergence is Hutchinson's estimate, the mean of εᵀ(∂v/∂x)ε over so many random ε =
/// ±1, by vector-Jacobian products: unbiased, at a cost that does not grow with the number of coordinates,
/// but its noise in log p biases weights (docs/densities.md). The ε follow from the bits of (t, x), so that a
/// sample's estimate depends on that sample alone.
class NetworkDynamics final : public Dynamics {
 public:
  /// `field` has to outlive this.
  explicit NetworkDynamics(VectorField& field, std::size_t probes = 0) : field_(field), probes_(probes) {}

  void velocity(std::span<const double> t, ConfigurationsView<const double> x,
                ConfigurationsView<double> v) override;
  void velocity_and_divergence(std::span<const double> t, ConfigurationsView<const double> x,
                               ConfigurationsView<double> v, std::span<double> divergence) override;

 private:
  void narrow(std::span<const double> t, ConfigurationsView<const double> x);
  void estimate_divergence(ConfigurationsView<const float> x, std::span<double> divergence);

  VectorField& field_;
  std::size_t probes_;
  std::vector<float> t_;
  std::vector<float> x_;
  std::vector<float> v_;
  std::vector<float> divergence_;
  std::vector<float> probe_, product_;
};

/// A network's vector field in float64, for measuring errors.
class PreciseDynamics final : public Dynamics {
 public:
  /// `field` and `pool` have to outlive this; with `divergences` these are taken from there instead, which is
  /// much faster where float32 is enough.
  PreciseDynamics(const PreciseField& field, ThreadPool& pool, Dynamics* divergences = nullptr)
      : field_(field), pool_(pool), divergences_(divergences) {}

  void velocity(std::span<const double> t, ConfigurationsView<const double> x,
                ConfigurationsView<double> v) override;
  void velocity_and_divergence(std::span<const double> t, ConfigurationsView<const double> x,
                               ConfigurationsView<double> v, std::span<double> divergence) override;

 private:
  const PreciseField& field_;
  ThreadPool& pool_;
  Dynamics* divergences_;
};

}  // namespace equibolt
