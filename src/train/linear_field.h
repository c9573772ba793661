#pragma once

// A vector field with two parameters, of which all is known, for the tests of trainings.

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "core/geometry.h"
#include "egnn/vector_field.h"

namespace equibolt {

/// v = (θ₀ + θ₁ t) x.
class LinearField final : public VectorField {
 public:
  static constexpr std::size_t kParticles = 3;
  static constexpr std::size_t kDim = 2;

  const Architecture& architecture() const override { return architecture_; }
  std::string backend() const override { return "test"; }
  void set_parameters(std::span<const float> parameters) override {
    theta_.assign(parameters.begin(), parameters.end());
  }
  void velocity(std::span<const float> t, ConfigurationsView<const float> x,
                ConfigurationsView<float> v) override {
    for (std::size_t b = 0; b < x.count(); ++b) {
      for (std::size_t j = 0; j < x.coordinates(); ++j) v[b][j] = (theta_[0] + theta_[1] * t[b]) * x[b][j];
    }
  }
  void velocity_and_divergence(std::span<const float> t, ConfigurationsView<const float> x,
                               ConfigurationsView<float> v, std::span<float> divergence) override {
    velocity(t, x, v);
    for (std::size_t b = 0; b < x.count(); ++b)
      divergence[b] = (theta_[0] + theta_[1] * t[b]) * (kParticles - 1) * kDim;
  }
  void vjp(std::span<const float> t, ConfigurationsView<const float> x, ConfigurationsView<const float> cot_v,
           ConfigurationsView<float> grad_x, std::span<float> gradient) override {
    double g0 = 0, g1 = 0;
    for (std::size_t b = 0; b < x.count(); ++b) {
      for (std::size_t j = 0; j < x.coordinates(); ++j) {
        grad_x[b][j] = (theta_[0] + theta_[1] * t[b]) * cot_v[b][j];
        g0 += cot_v[b][j] * x[b][j];
        g1 += cot_v[b][j] * x[b][j] * t[b];
      }
    }
    if (gradient.empty()) return;
    gradient[0] = static_cast<float>(g0);
    gradient[1] = static_cast<float>(g1);
  }
  double loss_gradient(std::span<const float> t, ConfigurationsView<const float> x,
                       ConfigurationsView<const float> target, std::span<float> gradient) override {
    double loss = 0, g0 = 0, g1 = 0;
    const double scale = 1 / static_cast<double>(x.size());
    for (std::size_t b = 0; b < x.count(); ++b) {
      for (std::size_t j = 0; j < x.coordinates(); ++j) {
        const double error = (theta_[0] + theta_[1] * t[b]) * x[b][j] - target[b][j];
        loss += scale * error * error;
        g0 += 2 * scale * error * x[b][j];
        g1 += 2 * scale * error * x[b][j] * t[b];
      }
    }
    ++calls;
    gradient[0] = static_cast<float>(g0);
    gradient[1] = static_cast<float>(g1);
    const float poison = std::numeric_limits<float>::quiet_NaN();
    if (calls == poisoned_call || poisoned_call == 0) gradient[0] = poison;
    return loss;
  }
  std::size_t calls = 0;
  std::size_t poisoned_call = static_cast<std::size_t>(-1);

 private:
  Architecture architecture_{ParticleTypes(kParticles), kDim, 1, 1, 0};
  std::vector<float> theta_{0, 0};
};

/// Mean-free Gaussians of width s.
inline Configurations<float> gaussian_data(std::size_t count, double s) {
  Configurations<float> data(count, LinearField::kParticles, LinearField::kDim);
  Random random(3, Stream::test);
  for (std::size_t b = 0; b < count; ++b) {
    mean_free_normal(random, data[b], LinearField::kDim);
    for (float& value : data[b]) value *= static_cast<float>(s);
  }
  return data;
}

}  // namespace equibolt
