#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <vector>

#include "chemistry/dihedral.h"
#include "equibolt/energy.h"

namespace equibolt {

/// For tests of whole methods: a chain of four atoms with stiff bonds and angles and V(φ) = a cos(φ − 1) + b
/// cos 2φ, two wells of different depths. The volume element of bonds, angles and dihedral does not depend on
/// φ, so that F(φ) = V(φ) exactly.
class TorsionChain : public Energy {
 public:
  TorsionChain(double a, double b) : a_(a), b_(b) {}

  /// A configuration, (4, 3), with φ near 1.
  static std::vector<double> start() { return {1, 0, 0, 0, 0, 0, 0, 0, 1, 0.5, 0.9, 1}; }
  static constexpr DihedralAtoms atoms{0, 1, 2, 3};

  double potential(double phi) const { return a_ * std::cos(phi - 1) + b_ * std::cos(2 * phi); }
  /// P(low < φ < high) at temperature 1, by a fine sum.
  double population(double low, double high) const {
    double inside = 0, all = 0;
    constexpr int points = 100000;
    for (int k = 0; k < points; ++k) {
      const double phi = 2 * std::numbers::pi * (k + 0.5) / points - std::numbers::pi;
      const double weight = std::exp(-potential(phi));
      all += weight;
      if (phi > low && phi < high) inside += weight;
    }
    return inside / all;
  }

  std::size_t particles() const override { return 4; }
  std::size_t dim() const override { return 3; }
  const ParticleTypes& types() const override { return types_; }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    for (std::size_t b = 0; b < x.count(); ++b) {
      status[b] = EnergyStatus::ok;
      std::vector<double> g(12, 0.0);
      double sum = 0;
      const auto spring = [&](std::size_t i, std::size_t j, double length) {
        constexpr double stiffness = 200;
        double d[3], square = 0;
        for (std::size_t k = 0; k < 3; ++k) {
          d[k] = x[b][3 * i + k] - x[b][3 * j + k];
          square += d[k] * d[k];
        }
        const double r = std::sqrt(square), force = stiffness * (r - length);
        sum += stiffness / 2 * (r - length) * (r - length);
        for (std::size_t k = 0; k < 3; ++k) {
          g[3 * i + k] += force * d[k] / r;
          g[3 * j + k] -= force * d[k] / r;
        }
      };
      for (std::size_t i = 0; i < 3; ++i)
        spring(i, i + 1, 1);  // right angles: far from a line, where no dihedral is
      for (std::size_t i = 0; i < 2; ++i) spring(i, i + 2, std::numbers::sqrt2);
      const double phi = dihedral(x[b], atoms);
      add_dihedral_gradient(x[b], atoms, -a_ * std::sin(phi - 1) - 2 * b_ * std::sin(2 * phi), g);
      energy[b] = sum + potential(phi);
      if (gradient.size() > 0) std::copy(g.begin(), g.end(), gradient[b].begin());
    }
  }
  std::unique_ptr<Energy> clone() const override { return std::make_unique<TorsionChain>(*this); }

 private:
  double a_, b_;
  ParticleTypes types_{0, 1, 2, 3};
};

}  // namespace equibolt
