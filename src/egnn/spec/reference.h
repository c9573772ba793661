#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "egnn/architecture.h"
#include "equibolt/error.h"

/// The vector field in plain loops, one sample at a time: the specification that every fast kernel is tested
/// against (paper, section 5 and appendix; docs/mathematics.md). T is the scalar of the computation (float,
/// double, std::complex<double>), P that of the weights: T, or its real type.
namespace equibolt::reference {

/// y = W x + b of the flat parameter vector, or the same two arrays of its gradient.
template <typename P>
struct Linear {
  std::span<P> weight;  ///< (outputs, inputs)
  std::span<P> bias;    ///< (outputs,) or empty
  std::size_t inputs;
  std::size_t outputs;
};

template <typename P>
Linear<P> linear_of(const ParameterLayout& layout, std::span<P> parameters, const std::string& name,
                    bool has_bias = true) {
  const auto& weight = layout[name + ".weight"];
  Linear<P> linear{parameters.subspan(weight.offset, weight.size()), {}, weight.columns, weight.rows};
  if (has_bias) linear.bias = parameters.subspan(layout[name + ".bias"].offset, weight.rows);
  return linear;
}

template <typename P>
struct Layer {
  Linear<P> edge0, edge2, att, coord0, coord2, node0, node2;
};

template <typename P>
Layer<P> layer_of(const ParameterLayout& layout, std::span<P> parameters, std::size_t l) {
  const auto linear = [&](const char* name, bool has_bias = true) {
    return linear_of(layout, parameters, fmt::format("gcl_{}.{}", l, name), has_bias);
  };
  return {linear("edge_mlp.0"),         linear("edge_mlp.2"), linear("att_mlp.0"), linear("coord_mlp.0"),
          linear("coord_mlp.2", false), linear("node_mlp.0"), linear("node_mlp.2")};
}

// Functions of one number.

/// 1 / (1 + e^(−z)). The real part is clamped where the result is 0 or 1 to float's precision, so that the
/// exponential stays finite in every precision.
template <typename T>
T sigmoid(T z) {
  using std::exp;
  if constexpr (std::is_floating_point_v<T>) {
    z = std::clamp(z, T(-80), T(80));
  } else {
    z = T(std::clamp(z.real(), -80.0, 80.0), z.imag());
  }
  return T(1) / (T(1) + exp(-z));
}

template <typename T>
T silu(T z) {
  return z * sigmoid(z);
}

template <typename T>
T silu_derivative(T z) {
  const T s = sigmoid(z);
  return s * (T(1) + z * (T(1) - s));
}

// Linear maps and what they are made into.

template <typename T>
using Vector = std::vector<T>;

template <typename T, typename P>
Vector<T> affine(const Linear<P>& linear, const Vector<T>& x) {
  Vector<T> y(linear.outputs);
  for (std::size_t o = 0; o < linear.outputs; ++o) {
    if (!linear.bias.empty()) y[o] = linear.bias[o];
    for (std::size_t i = 0; i < linear.inputs; ++i) y[o] += x[i] * linear.weight[o * linear.inputs + i];
  }
  return y;
}

/// Adds to the gradient of W and b; returns that of x.
template <typename T, typename P>
Vector<T> affine_vjp(const Linear<P>& linear, const Linear<T>& gradient, const Vector<T>& x,
                     const Vector<T>& cot_y) {
  Vector<T> cot_x(linear.inputs);
  for (std::size_t o = 0; o < linear.outputs; ++o) {
    if (!linear.bias.empty()) gradient.bias[o] += cot_y[o];
    for (std::size_t i = 0; i < linear.inputs; ++i) {
      gradient.weight[o * linear.inputs + i] += cot_y[o] * x[i];
      cot_x[i] += cot_y[o] * linear.weight[o * linear.inputs + i];
    }
  }
  return cot_x;
}

template <typename T>
Vector<T> silu(Vector<T> z) {
  for (T& value : z) value = silu(value);
  return z;
}

/// The cotangent of z from that of silu(z).
template <typename T>
Vector<T> silu_vjp(const Vector<T>& z, Vector<T> cot) {
  for (std::size_t c = 0; c < z.size(); ++c) cot[c] *= silu_derivative(z[c]);
  return cot;
}

template <typename T>
Vector<T> concatenated(const Vector<T>& a, const Vector<T>& b) {
  Vector<T> ab = a;
  ab.insert(ab.end(), b.begin(), b.end());
  return ab;
}

template <typename T>
void add_to(T* sum, const T* terms, std::size_t count) {
  for (std::size_t c = 0; c < count; ++c) sum[c] += terms[c];
}

// One edge i←j.

/// What the edge's networks compute, with all that lies between.
template <typename T>
struct Edge {
  Vector<T> input;  ///< [h_i, h_j, d² of this layer, d² of the input positions]
  Vector<T> z1, a1, z2;
  Vector<T> m;      ///< message before the gate
  T gate;           ///< e_ij
  Vector<T> gated;  ///< e_ij m_ij
  Vector<T> z3, a3;
  T phi;  ///< φ_d, in (−1, 1)
};

template <typename T, typename P>
Edge<T> edge_network(const Layer<P>& layer, Vector<T> input) {
  using std::tanh;
  Edge<T> e;
  e.input = std::move(input);
  e.z1 = affine(layer.edge0, e.input);
  e.a1 = silu(e.z1);
  e.z2 = affine(layer.edge2, e.a1);
  e.m = silu(e.z2);
  e.gate = sigmoid(affine(layer.att, e.m)[0]);
  e.gated = e.m;
  for (T& value : e.gated) value *= e.gate;
  e.z3 = affine(layer.coord0, e.gated);
  e.a3 = silu(e.z3);
  e.phi = tanh(affine(layer.coord2, e.a3)[0]);
  return e;
}

/// The cotangent of the input from those of the gated message and of φ.
template <typename T, typename P>
Vector<T> edge_network_vjp(const Layer<P>& layer, const Layer<T>& gradient, const Edge<T>& e,
                           Vector<T> cot_gated, T cot_phi) {
  const Vector<T> cot_y{cot_phi * (T(1) - e.phi * e.phi)};
  const Vector<T> cot_a3 = affine_vjp(layer.coord2, gradient.coord2, e.a3, cot_y);
  const Vector<T> cot_z3 = silu_vjp(e.z3, cot_a3);
  const Vector<T> from_phi = affine_vjp(layer.coord0, gradient.coord0, e.gated, cot_z3);
  T cot_gate = 0;
  Vector<T> cot_m(e.m.size());
  for (std::size_t c = 0; c < e.m.size(); ++c) {
    cot_gated[c] += from_phi[c];
    cot_m[c] = cot_gated[c] * e.gate;
    cot_gate += cot_gated[c] * e.m[c];
  }
  const Vector<T> cot_s{cot_gate * e.gate * (T(1) - e.gate)};
  const Vector<T> from_gate = affine_vjp(layer.att, gradient.att, e.m, cot_s);
  add_to(cot_m.data(), from_gate.data(), cot_m.size());
  const Vector<T> cot_z2 = silu_vjp(e.z2, cot_m);
  const Vector<T> cot_a1 = affine_vjp(layer.edge2, gradient.edge2, e.a1, cot_z2);
  const Vector<T> cot_z1 = silu_vjp(e.z1, cot_a1);
  return affine_vjp(layer.edge0, gradient.edge0, e.input, cot_z1);
}

// One sample.

/// The particles before a layer.
template <typename T>
struct State {
  Vector<Vector<T>> h;  ///< (N, h)
  Vector<T> u;          ///< (N, D), the displacement x^l − x^0
};

/// x_i − x_j and its square at positions x^0 + u.
template <typename T>
T difference(const T* x, const T* u, std::size_t i, std::size_t j, std::size_t dim, T* r) {
  T d2 = 0;
  for (std::size_t k = 0; k < dim; ++k) {
    r[k] = (x[i * dim + k] - x[j * dim + k]) + (u[i * dim + k] - u[j * dim + k]);
    d2 += r[k] * r[k];
  }
  return d2;
}

template <typename T>
Vector<T> edge_input(const State<T>& state, std::size_t i, std::size_t j, T d2, T d2_input) {
  return concatenated(concatenated(state.h[i], state.h[j]), {d2, d2_input});
}

/// [one-hot(type), t].
template <typename T>
Vector<T> node_input(const Architecture& architecture, std::size_t i, double t) {
  Vector<T> input(architecture.node_features());
  if (architecture.type_features > 0) input[static_cast<std::size_t>(architecture.types[i])] = 1;
  input.back() = static_cast<T>(t);
  return input;
}

/// The factor of the position update, 15/L.
inline double position_range(const Architecture& architecture) {
  return 15.0 / static_cast<double>(architecture.layers);
}

template <typename T>
void remove_mean(Vector<T>& v, std::size_t dim) {
  const std::size_t particles = v.size() / dim;
  for (std::size_t k = 0; k < dim; ++k) {
    T sum = 0;
    for (std::size_t i = 0; i < particles; ++i) sum += v[i * dim + k];
    for (std::size_t i = 0; i < particles; ++i) v[i * dim + k] -= sum / static_cast<T>(particles);
  }
}

/// The states before layers 0 … L−1 and after the last, L + 1 in all.
template <typename T, typename P>
Vector<State<T>> states(const Architecture& architecture, const ParameterLayout& layout,
                        std::span<const P> parameters, double t, std::span<const T> x) {
  using std::sqrt;
  const std::size_t particles = architecture.particles();
  const std::size_t dim = architecture.dim;
  const T range = static_cast<T>(position_range(architecture));
  const Vector<T> zero(particles * dim);
  Vector<T> r(dim);

  Vector<State<T>> all(1);
  const auto embedding = linear_of(layout, parameters, "embedding");
  for (std::size_t i = 0; i < particles; ++i) {
    all[0].h.push_back(affine(embedding, node_input<T>(architecture, i, t)));
  }
  all[0].u = zero;

  for (std::size_t l = 0; l < architecture.layers; ++l) {
    const auto layer = layer_of(layout, parameters, l);
    const State<T>& before = all.back();
    State<T> after = before;
    for (std::size_t i = 0; i < particles; ++i) {
      Vector<T> sum_m(architecture.hidden);
      for (std::size_t j = 0; j < particles; ++j) {
        if (j == i) continue;
        const T d2_input = difference(x.data(), zero.data(), i, j, dim, r.data());
        const T d2 = difference(x.data(), before.u.data(), i, j, dim, r.data());
        const Edge<T> e = edge_network(layer, edge_input(before, i, j, d2, d2_input));
        const T length = sqrt(d2 + T(1e-8)) + T(1);
        for (std::size_t k = 0; k < dim; ++k) after.u[i * dim + k] += r[k] / length * e.phi * range;
        add_to(sum_m.data(), e.gated.data(), sum_m.size());
      }
      const Vector<T> update =
          affine(layer.node2, silu(affine(layer.node0, concatenated(before.h[i], sum_m))));
      add_to(after.h[i].data(), update.data(), update.size());
    }
    all.push_back(std::move(after));
  }
  return all;
}

/// v_θ(t, x) of one configuration x (N, D): (N, D).
template <typename T, typename P>
Vector<T> velocity(const Architecture& architecture, const ParameterLayout& layout,
                   std::span<const P> parameters, double t, std::span<const T> x) {
  Vector<T> v = states(architecture, layout, parameters, t, x).back().u;
  remove_mean(v, architecture.dim);
  return v;
}

template <typename T>
struct Gradient {
  Vector<T> x;           ///< (N, D)
  Vector<T> parameters;  ///< in the order of ParameterLayout
};

/// The gradient of Σ_k cot_v[k]·v_k for the positions and the weights.
template <typename T, typename P>
Gradient<T> velocity_vjp(const Architecture& architecture, const ParameterLayout& layout,
                         std::span<const P> parameters, double t, std::span<const T> x,
                         std::span<const T> cot_v) {
  using std::sqrt;
  const std::size_t particles = architecture.particles();
  const std::size_t dim = architecture.dim;
  const std::size_t h = architecture.hidden;
  const T range = static_cast<T>(position_range(architecture));
  const Vector<T> zero(particles * dim);
  Vector<T> r0(dim), r(dim);

  const Vector<State<T>> all = states(architecture, layout, parameters, t, x);
  Gradient<T> gradient{Vector<T>(particles * dim), Vector<T>(layout.size())};
  State<T> cot;  // of the state after the layer
  cot.u.assign(cot_v.begin(), cot_v.end());
  remove_mean(cot.u, dim);
  cot.h.assign(particles, Vector<T>(h));

  for (std::size_t l = architecture.layers; l-- > 0;) {
    const auto layer = layer_of(layout, parameters, l);
    const auto grad = layer_of(layout, std::span<T>(gradient.parameters), l);
    const State<T>& before = all[l];
    State<T> cot_before = cot;
    for (std::size_t i = 0; i < particles; ++i) {
      Vector<Edge<T>> edges(particles);
      Vector<T> sum_m(h);
      for (std::size_t j = 0; j < particles; ++j) {
        if (j == i) continue;
        const T d2_input = difference(x.data(), zero.data(), i, j, dim, r0.data());
        const T d2 = difference(x.data(), before.u.data(), i, j, dim, r.data());
        edges[j] = edge_network(layer, edge_input(before, i, j, d2, d2_input));
        add_to(sum_m.data(), edges[j].gated.data(), h);
      }
      const Vector<T> input = concatenated(before.h[i], sum_m);
      const Vector<T> z = affine(layer.node0, input);
      const Vector<T> cot_a = affine_vjp(layer.node2, grad.node2, silu(z), cot.h[i]);
      const Vector<T> cot_input = affine_vjp(layer.node0, grad.node0, input, silu_vjp(z, cot_a));
      add_to(cot_before.h[i].data(), cot_input.data(), h);
      const Vector<T> cot_sum_m(cot_input.begin() + static_cast<std::ptrdiff_t>(h), cot_input.end());

      for (std::size_t j = 0; j < particles; ++j) {
        if (j == i) continue;
        difference(x.data(), zero.data(), i, j, dim, r0.data());
        const T d2 = difference(x.data(), before.u.data(), i, j, dim, r.data());
        const T distance = sqrt(d2 + T(1e-8));
        const T length = distance + T(1);
        // u_i += range · φ · r / length
        T along = 0;  // Σ_k cot_u_ik r_k
        for (std::size_t k = 0; k < dim; ++k) along += cot.u[i * dim + k] * r[k];
        const Vector<T> cot_input_ij =
            edge_network_vjp(layer, grad, edges[j], cot_sum_m, along / length * range);
        add_to(cot_before.h[i].data(), cot_input_ij.data(), h);
        add_to(cot_before.h[j].data(), cot_input_ij.data() + h, h);
        const T cot_length = -along / (length * length) * edges[j].phi * range;
        const T cot_d2 = cot_input_ij[2 * h] + cot_length / (T(2) * distance);
        const T cot_d2_input = cot_input_ij[2 * h + 1];
        for (std::size_t k = 0; k < dim; ++k) {
          const T cot_r = cot.u[i * dim + k] / length * edges[j].phi * range + T(2) * r[k] * cot_d2;
          const T cot_r0 = T(2) * r0[k] * cot_d2_input;
          cot_before.u[i * dim + k] += cot_r;
          cot_before.u[j * dim + k] -= cot_r;
          gradient.x[i * dim + k] += cot_r + cot_r0;
          gradient.x[j * dim + k] -= cot_r + cot_r0;
        }
      }
    }
    cot = std::move(cot_before);
  }

  const auto embedding = linear_of(layout, parameters, "embedding");
  const auto grad = linear_of(layout, std::span<T>(gradient.parameters), "embedding");
  for (std::size_t i = 0; i < particles; ++i) {
    affine_vjp(embedding, grad, node_input<T>(architecture, i, t), cot.h[i]);
  }
  return gradient;
}

/// The complex step: f(x + iε) = f(x) + iε f′(x) + O(ε²), exact to rounding since nothing is subtracted.
inline constexpr double complex_step = 1e-40;

/// Σ_k ∂v_k/∂x_k by one complex step for each of the N·D coordinates.
inline double divergence(const Architecture& architecture, const ParameterLayout& layout,
                         std::span<const double> parameters, double t, std::span<const double> x) {
  using Complex = std::complex<double>;
  Vector<Complex> z(x.begin(), x.end());
  double sum = 0;
  for (std::size_t k = 0; k < z.size(); ++k) {
    z[k].imag(complex_step);
    sum +=
        velocity(architecture, layout, parameters, t, std::span<const Complex>(z))[k].imag() / complex_step;
    z[k].imag(0);
  }
  return sum;
}

/// The gradient of the divergence, Σ_k ∂/∂x_k of the gradient of v_k, by complex steps of the adjoint.
inline Gradient<double> divergence_gradient(const Architecture& architecture, const ParameterLayout& layout,
                                            std::span<const double> parameters, double t,
                                            std::span<const double> x) {
  using Complex = std::complex<double>;
  Vector<Complex> z(x.begin(), x.end());
  Vector<Complex> cot_v(x.size());
  Gradient<double> sum{Vector<double>(x.size()), Vector<double>(layout.size())};
  for (std::size_t k = 0; k < z.size(); ++k) {
    z[k].imag(complex_step);
    cot_v[k] = 1;
    const auto gradient = velocity_vjp(architecture, layout, parameters, t, std::span<const Complex>(z),
                                       std::span<const Complex>(cot_v));
    for (std::size_t c = 0; c < x.size(); ++c) sum.x[c] += gradient.x[c].imag() / complex_step;
    for (std::size_t c = 0; c < layout.size(); ++c) {
      sum.parameters[c] += gradient.parameters[c].imag() / complex_step;
    }
    cot_v[k] = 0;
    z[k].imag(0);
  }
  return sum;
}

}  // namespace equibolt::reference
