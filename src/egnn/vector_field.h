#pragma once

#include <memory>
#include <span>
#include <string>

#include "egnn/architecture.h"
#include "equibolt/configurations.h"

namespace equibolt {

/// The vector field v_θ(t, x) on some device: a session that holds the weights as the device wants them and
/// its scratch memory. Arrays are the host's. Every operation takes a batch, x (B, N, D) with one t (B,) per
/// sample; a sample's result depends on that sample alone, and sums over samples do not depend on the
/// number of threads.
class VectorField {
 public:
  virtual ~VectorField() = default;

  virtual const Architecture& architecture() const = 0;

  /// Device, instruction set and precision, as "cpu AVX2 fp32": what results depend on to the last bit.
  virtual std::string backend() const = 0;

  /// Replaces θ; the order is ParameterLayout's.
  virtual void set_parameters(std::span<const float> parameters) = 0;

  /// v (B, N, D).
  virtual void velocity(std::span<const float> t, ConfigurationsView<const float> x,
                        ConfigurationsView<float> v) = 0;

  /// v (B, N, D) and its exact divergence Σ_k ∂v_k/∂x_k (B,).
  virtual void velocity_and_divergence(std::span<const float> t, ConfigurationsView<const float> x,
                                       ConfigurationsView<float> v, std::span<float> divergence) = 0;

  /// The vector-Jacobian product of cotangents cot_v (B, N, D): grad_x (B, N, D), per sample, and, unless it
  /// is empty, grad_parameters, summed over the batch. Without that it is cheaper.
  virtual void vjp(std::span<const float> t, ConfigurationsView<const float> x,
                   ConfigurationsView<const float> cot_v, ConfigurationsView<float> grad_x,
                   std::span<float> grad_parameters) = 0;

  /// The flow-matching loss, mean over batch and coordinates of (v(t, x) − target)², and its gradient for θ:
  /// the case of vjp with cot_v = 2 (v − target) / (B·N·D), fused.
  virtual double loss_gradient(std::span<const float> t, ConfigurationsView<const float> x,
                               ConfigurationsView<const float> target, std::span<float> grad_parameters) = 0;
};

}  // namespace equibolt
