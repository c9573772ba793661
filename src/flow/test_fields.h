#pragma once

// Vector fields with closed forms, in float64, for the tests of integrators and flows.

#include <cmath>

#include "flow/dynamics.h"

namespace equibolt {

/// A field that has its velocity from where it has its divergence.
class TestField : public Dynamics {
 public:
  void velocity(std::span<const double> t, ConfigurationsView<const double> x,
                ConfigurationsView<double> v) override {
    std::vector<double> divergence(x.count());
    velocity_and_divergence(t, x, v, divergence);
  }
};

/// v_i = a(t) f(u_i), u = x − x̄, coordinate by coordinate, minus its mean over particles. Then
/// ∇·v = (1 − 1/N) a(t) Σ f′(u): the two corrections for the mean cancel but for the factor.
class ElementwiseField : public TestField {
 public:
  void velocity_and_divergence(std::span<const double> t, ConfigurationsView<const double> x,
                               ConfigurationsView<double> v, std::span<double> divergence) override {
    const double n = static_cast<double>(x.particles());
    for (std::size_t b = 0; b < x.count(); ++b) {
      double slopes = 0;
      for (std::size_t k = 0; k < x.dim(); ++k) {
        double mean_x = 0, mean_v = 0;
        for (std::size_t i = 0; i < x.particles(); ++i) mean_x += x[b][i * x.dim() + k] / n;
        for (std::size_t i = 0; i < x.particles(); ++i) {
          const double u = x[b][i * x.dim() + k] - mean_x;
          v[b][i * x.dim() + k] = amplitude(t[b]) * f(u);
          slopes += amplitude(t[b]) * slope(u);
          mean_v += v[b][i * x.dim() + k] / n;
        }
        for (std::size_t i = 0; i < x.particles(); ++i) v[b][i * x.dim() + k] -= mean_v;
      }
      divergence[b] = (1 - 1 / n) * slopes;
      evaluations += 1;
    }
  }
  std::size_t evaluations = 0;

 protected:
  virtual double amplitude(double t) const = 0;
  virtual double f(double u) const = 0;
  virtual double slope(double u) const = 0;
};

/// The exact optimal-transport field from the unit Gaussian to one of standard deviation s:
/// x_t = (1 + (s−1) t) x_0. The push-forward is the harmonic system with force constant 1/s².
class GaussianField final : public ElementwiseField {
 public:
  explicit GaussianField(double s) : s_(s) {}

 private:
  double amplitude(double t) const override { return (s_ - 1) / (1 + (s_ - 1) * t); }
  double f(double u) const override { return u; }
  double slope(double) const override { return 1; }
  double s_;
};

/// A smooth field without special structure, for orders of convergence.
class CurvedField final : public ElementwiseField {
  double amplitude(double t) const override { return 1 + std::sin(3 * t); }
  double f(double u) const override { return std::sin(2 * u) - 0.5 * u; }
  double slope(double u) const override { return 2 * std::cos(2 * u) - 0.5; }
};

}  // namespace equibolt
