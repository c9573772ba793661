#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "egnn/spec/reference.h"

/// The divergence as the fast kernel computes it, in plain loops and any precision: the readable form of
/// docs/mathematics-divergence.md, whose symbols and section numbers are used here.
namespace equibolt::plain {

template <typename T>
using Vector = std::vector<T>;

template <typename T>
struct Matrix {
  std::size_t rows = 0, columns = 0;
  Vector<T> values;
  Matrix() = default;
  Matrix(std::size_t r, std::size_t c) : rows(r), columns(c), values(r * c) {}
  T& operator()(std::size_t r, std::size_t c) { return values[r * columns + c]; }
  const T& operator()(std::size_t r, std::size_t c) const { return values[r * columns + c]; }
};

template <typename T>
T dot(const Vector<T>& a, const Vector<T>& b) {
  T sum = 0;
  for (std::size_t c = 0; c < a.size(); ++c) sum += a[c] * b[c];
  return sum;
}

/// y += factor x.
template <typename T>
void add(Vector<T>& y, T factor, const Vector<T>& x) {
  for (std::size_t c = 0; c < y.size(); ++c) y[c] += factor * x[c];
}

template <typename T>
Vector<T> times(const Matrix<T>& m, const Vector<T>& x) {
  Vector<T> y(m.rows);
  for (std::size_t r = 0; r < m.rows; ++r) {
    for (std::size_t c = 0; c < m.columns; ++c) y[r] += m(r, c) * x[c];
  }
  return y;
}

template <typename T>
Vector<T> transposed_times(const Matrix<T>& m, const Vector<T>& x) {
  Vector<T> y(m.columns);
  for (std::size_t r = 0; r < m.rows; ++r) {
    for (std::size_t c = 0; c < m.columns; ++c) y[c] += m(r, c) * x[r];
  }
  return y;
}

/// The columns [first, first + count) of a linear map.
template <typename T, typename P>
Matrix<T> columns_of(const reference::Linear<P>& linear, std::size_t first, std::size_t count) {
  Matrix<T> m(linear.outputs, count);
  for (std::size_t r = 0; r < m.rows; ++r) {
    for (std::size_t c = 0; c < count; ++c) m(r, c) = linear.weight[r * linear.inputs + first + c];
  }
  return m;
}

/// Section 1: the first derivatives of one edge.
template <typename T>
struct EdgeDerivatives {
  Vector<T> r, r0;     ///< x_i − x_j in this layer and at the input
  T omega = 0;         ///< ω = q f, the factor of r in the update of x_i
  T q = 0;             ///< 1 / (√(d² + 1e-8) + 1)
  T alpha = 0;         ///< ∂ω/∂d² = q′ f + q λ·u
  T beta = 0;          ///< ∂ω/∂d²_input = q λ·w
  Vector<T> lambda;    ///< λ = ∂f/∂e
  Matrix<T> jacobian;  ///< J = ∂m/∂e
};

template <typename T>
struct LayerDerivatives {
  Matrix<T> A, B, C, E, W6;  ///< W1 = [A B u w], W5 = [C E]
  Vector<T> u, w;
  Vector<EdgeDerivatives<T>> edges;  ///< (N, N), i ≠ j
  Vector<Vector<T>> sigma;           ///< silu′ of the node network, (N, h)
};

template <typename T, typename P>
LayerDerivatives<T> layer_derivatives(const Architecture& architecture, const ParameterLayout& layout,
                                      std::span<const P> parameters, std::size_t l,
                                      const reference::State<T>& before, std::span<const T> x) {
  using std::sqrt;
  const std::size_t particles = architecture.particles(), dim = architecture.dim, h = architecture.hidden;
  const auto layer = reference::layer_of(layout, parameters, l);
  const T range = static_cast<T>(reference::position_range(architecture));
  const Vector<T> zero(particles * dim);
  LayerDerivatives<T> d;
  d.A = columns_of<T>(layer.edge0, 0, h);
  d.B = columns_of<T>(layer.edge0, h, h);
  d.u = columns_of<T>(layer.edge0, 2 * h, 1).values;
  d.w = columns_of<T>(layer.edge0, 2 * h + 1, 1).values;
  d.C = columns_of<T>(layer.node0, 0, h);
  d.E = columns_of<T>(layer.node0, h, h);
  d.W6 = columns_of<T>(layer.node2, 0, h);
  const Matrix<T> W2 = columns_of<T>(layer.edge2, 0, h), W3 = columns_of<T>(layer.coord0, 0, h);
  d.edges.resize(particles * particles);
  for (std::size_t i = 0; i < particles; ++i) {
    Vector<T> sum_m(h);
    for (std::size_t j = 0; j < particles; ++j) {
      if (j == i) continue;
      EdgeDerivatives<T>& edge = d.edges[i * particles + j];
      edge.r.resize(dim);
      edge.r0.resize(dim);
      const T d2_input = reference::difference(x.data(), zero.data(), i, j, dim, edge.r0.data());
      const T d2 = reference::difference(x.data(), before.u.data(), i, j, dim, edge.r.data());
      const auto e = reference::edge_network(layer, reference::edge_input(before, i, j, d2, d2_input));
      reference::add_to(sum_m.data(), e.gated.data(), h);
      const T distance = sqrt(d2 + T(1e-8));
      edge.q = T(1) / (distance + T(1));
      edge.omega = edge.q * range * e.phi;

      // The reverse row λ and that of the gate, ρ: J = g diag(s2) W2 diag(s1) + m ρᵀ.
      const T gate_slope = e.gate * (T(1) - e.gate);
      Vector<T> cot_z3(h), cot_z2(h), gate_z2(h);
      for (std::size_t c = 0; c < h; ++c) {
        cot_z3[c] =
            range * (T(1) - e.phi * e.phi) * layer.coord2.weight[c] * reference::silu_derivative(e.z3[c]);
      }
      const Vector<T> cot_gated = transposed_times(W3, cot_z3);
      const T cot_gate = dot(cot_gated, e.m) * gate_slope;
      for (std::size_t c = 0; c < h; ++c) {
        const T s2 = reference::silu_derivative(e.z2[c]);
        cot_z2[c] = s2 * (e.gate * cot_gated[c] + cot_gate * layer.att.weight[c]);
        gate_z2[c] = s2 * gate_slope * layer.att.weight[c];
      }
      edge.lambda = transposed_times(W2, cot_z2);
      Vector<T> rho = transposed_times(W2, gate_z2);
      for (std::size_t c = 0; c < h; ++c) {
        edge.lambda[c] *= reference::silu_derivative(e.z1[c]);
        rho[c] *= reference::silu_derivative(e.z1[c]);
      }
      edge.jacobian = Matrix<T>(h, h);
      for (std::size_t a = 0; a < h; ++a) {
        for (std::size_t b = 0; b < h; ++b) {
          edge.jacobian(a, b) =
              e.gate * reference::silu_derivative(e.z2[a]) * W2(a, b) * reference::silu_derivative(e.z1[b]) +
              e.m[a] * rho[b];
        }
      }
      edge.alpha = -edge.q * edge.q / (T(2) * distance) * range * e.phi + edge.q * dot(edge.lambda, d.u);
      edge.beta = edge.q * dot(edge.lambda, d.w);
    }
    Vector<T> z = reference::affine(layer.node0, reference::concatenated(before.h[i], sum_m));
    for (T& value : z) value = reference::silu_derivative(value);
    d.sigma.push_back(std::move(z));
  }
  return d;
}

/// The tangents of the state for x^0_k, k = (p, d) = pD + d.
template <typename T>
struct Tangents {
  Vector<Vector<T>> x;          ///< [k]: (N, D)
  Vector<Vector<Vector<T>>> h;  ///< [k][i]: (h,)
};

template <typename T>
class Divergence {
 public:
  template <typename P>
  Divergence(const Architecture& architecture, const ParameterLayout& layout, std::span<const P> parameters,
             double t, std::span<const T> x)
      : particles_(architecture.particles()), dim_(architecture.dim), h_(architecture.hidden) {
    const auto states = reference::states(architecture, layout, parameters, t, x);
    for (std::size_t l = 0; l < architecture.layers; ++l) {
      layers_.push_back(layer_derivatives<T>(architecture, layout, parameters, l, states[l], x));
    }
  }

  T value() const {
    const std::size_t last = layers_.size() - 1;
    if (last == 0) return trace_of_single_layer();
    Tangents<T> tangents = after_first_layer();
    for (std::size_t l = 1; l + 1 < last; ++l) tangents = after_layer(layers_[l], tangents);
    return last == 1 ? contracted(layers_[1], tangents)
                     : contracted(layers_[last - 1], layers_[last], tangents);
  }

 private:
  const EdgeDerivatives<T>& edge(const LayerDerivatives<T>& d, std::size_t i, std::size_t j) const {
    return d.edges[i * particles_ + j];
  }

  /// Section 2. h⁰ does not depend on x and both distances are the same: e moves along u + w alone.
  T trace_of_single_layer() const {
    T sum = 0;
    for (std::size_t i = 0; i < particles_; ++i) {
      for (std::size_t j = 0; j < particles_; ++j) {
        if (j == i) continue;
        const auto& e = edge(layers_[0], i, j);
        sum += static_cast<T>(dim_) * e.omega + T(2) * (e.alpha + e.beta) * dot(e.r, e.r);
      }
    }
    return sum;
  }

  /// Section 2. ∂h¹_i/∂x_p = ν_ip r_ipᵀ for p ≠ i, and minus their sum for p = i.
  Tangents<T> after_first_layer() const {
    const LayerDerivatives<T>& d = layers_[0];
    Vector<T> both = d.u;
    add(both, T(1), d.w);
    Tangents<T> out = zero_tangents();
    for (std::size_t i = 0; i < particles_; ++i) {
      for (std::size_t k = 0; k < dim_; ++k) out.x[i * dim_ + k][i * dim_ + k] = 1;
      for (std::size_t p = 0; p < particles_; ++p) {
        if (p == i) continue;
        const auto& e = edge(d, i, p);
        Vector<T> inner = times(d.E, times(e.jacobian, both));
        for (std::size_t c = 0; c < h_; ++c) inner[c] *= T(-2) * d.sigma[i][c];
        const Vector<T> nu = times(d.W6, inner);
        for (std::size_t k = 0; k < dim_; ++k) {
          add(out.h[p * dim_ + k][i], e.r[k], nu);
          add(out.h[i * dim_ + k][i], -e.r[k], nu);
          for (std::size_t c = 0; c < dim_; ++c) {
            const T block = T(2) * (e.alpha + e.beta) * e.r[c] * e.r[k] + (c == k ? e.omega : T(0));
            out.x[i * dim_ + k][i * dim_ + c] += block;
            out.x[p * dim_ + k][i * dim_ + c] -= block;
          }
        }
      }
    }
    return out;
  }

  /// Section 3. Every tangent through one layer.
  Tangents<T> after_layer(const LayerDerivatives<T>& d, const Tangents<T>& in) const {
    Tangents<T> out = in;
    for (std::size_t k = 0; k < particles_ * dim_; ++k) {
      for (std::size_t i = 0; i < particles_; ++i) {
        Vector<T> sum_m(h_);
        for (std::size_t j = 0; j < particles_; ++j) {
          if (j == i) continue;
          const Change change = change_of(d, in, k, i, j);
          for (std::size_t c = 0; c < dim_; ++c) out.x[k][i * dim_ + c] += change.update[c];
          add(sum_m, T(1), times(edge(d, i, j).jacobian, change.e));
        }
        Vector<T> inner = times(d.C, in.h[k][i]);
        add(inner, T(1), times(d.E, sum_m));
        for (std::size_t c = 0; c < h_; ++c) inner[c] *= d.sigma[i][c];
        add(out.h[k][i], T(1), times(d.W6, inner));
      }
    }
    return out;
  }

  /// What tangent k does to edge i←j: ė, and the term's part of ẋ_i.
  struct Change {
    Vector<T> e;       ///< (h,)
    Vector<T> update;  ///< (D,)
  };
  Change change_of(const LayerDerivatives<T>& d, const Tangents<T>& in, std::size_t k, std::size_t i,
                   std::size_t j) const {
    const auto& e = edge(d, i, j);
    T d2 = 0;        // of d² in this layer
    T d2_input = 0;  // of d² at the input: 2 r⁰ (δ_pi − δ_pj)
    Vector<T> difference(dim_);
    for (std::size_t c = 0; c < dim_; ++c) {
      difference[c] = in.x[k][i * dim_ + c] - in.x[k][j * dim_ + c];
      d2 += T(2) * e.r[c] * difference[c];
    }
    if (k / dim_ == i) d2_input = T(2) * e.r0[k % dim_];
    if (k / dim_ == j) d2_input = T(-2) * e.r0[k % dim_];
    Change change;
    change.e = times(d.A, in.h[k][i]);
    add(change.e, T(1), times(d.B, in.h[k][j]));
    const T along = e.q * dot(e.lambda, change.e) + e.alpha * d2 + e.beta * d2_input;
    for (std::size_t c = 0; c < dim_; ++c) change.update.push_back(e.omega * difference[c] + e.r[c] * along);
    add(change.e, d2, d.u);
    add(change.e, d2_input, d.w);
    return change;
  }

  /// Section 4: the cotangents of the last layer's inputs for x^L_p, d = 0 … D−1.
  struct LastLayer {
    Vector<Matrix<T>> x;    ///< [i, p]: (D, D), ∂x^L_p/∂x_i at fixed h and input distances
    Vector<Vector<T>> xi;   ///< [i, p]: ∂x^L_p/∂h_i = r_pi ξ_ipᵀ for i ≠ p
    Vector<Vector<T>> eta;  ///< [p, d]: ∂x^L_pd/∂h_p
    T from_input = 0;       ///< the trace of what comes from the distances at the input
  };
  LastLayer last_layer(const LayerDerivatives<T>& d) const {
    LastLayer out;
    out.x.assign(particles_ * particles_, Matrix<T>(dim_, dim_));
    out.xi.resize(particles_ * particles_);
    for (std::size_t p = 0; p < particles_; ++p) {
      Vector<Vector<T>> sums(dim_, Vector<T>(h_));
      Matrix<T>& own = out.x[p * particles_ + p];
      for (std::size_t k = 0; k < dim_; ++k) own(k, k) = 1;
      for (std::size_t i = 0; i < particles_; ++i) {
        if (i == p) continue;
        const auto& e = edge(d, p, i);
        for (std::size_t k = 0; k < dim_; ++k) {
          for (std::size_t c = 0; c < dim_; ++c) {
            const T block = T(2) * e.alpha * e.r[k] * e.r[c] + (c == k ? e.omega : T(0));
            own(k, c) += block;
            out.x[i * particles_ + p](k, c) = -block;
          }
          add(sums[k], e.q * e.r[k], e.lambda);
        }
        Vector<T> xi = transposed_times(d.B, e.lambda);
        for (T& value : xi) value *= e.q;
        out.xi[i * particles_ + p] = std::move(xi);
        out.from_input += T(2) * e.beta * dot(e.r, e.r0);
      }
      for (std::size_t k = 0; k < dim_; ++k) out.eta.push_back(transposed_times(d.A, sums[k]));
    }
    return out;
  }

  /// Section 4, L = 2: tangents against cotangents at the last layer's input.
  T contracted(const LayerDerivatives<T>& last, const Tangents<T>& in) const {
    const LastLayer cot = last_layer(last);
    T sum = cot.from_input - static_cast<T>(particles_ * dim_);
    for (std::size_t p = 0; p < particles_; ++p) {
      for (std::size_t i = 0; i < particles_; ++i) {
        for (std::size_t k = 0; k < dim_; ++k) {
          const auto& x = in.x[p * dim_ + k];
          const auto& h = in.h[p * dim_ + k][i];
          for (std::size_t c = 0; c < dim_; ++c) sum += cot.x[i * particles_ + p](k, c) * x[i * dim_ + c];
          sum += i == p ? dot(cot.eta[p * dim_ + k], h)
                        : edge(last, p, i).r[k] * dot(cot.xi[i * particles_ + p], h);
        }
      }
    }
    return sum;
  }

  /// Section 5: the last layer's cotangents, taken through the node network of the layer before, against the
  /// tangents of that layer's edges. For i ≠ p the D cotangents are one vector times r_pi: the tangents are
  /// contracted with r_pi first.
  T contracted(const LayerDerivatives<T>& d, const LayerDerivatives<T>& last, const Tangents<T>& in) const {
    const LastLayer cot = last_layer(last);
    T sum = cot.from_input - static_cast<T>(particles_ * dim_);
    for (std::size_t i = 0; i < particles_; ++i) {
      for (std::size_t p = 0; p < particles_; ++p) {
        // positions, where every tangent counts by itself
        for (std::size_t k = 0; k < dim_; ++k) {
          Vector<T> x(in.x[p * dim_ + k].begin() + static_cast<std::ptrdiff_t>(i * dim_),
                      in.x[p * dim_ + k].begin() + static_cast<std::ptrdiff_t>((i + 1) * dim_));
          for (std::size_t j = 0; j < particles_; ++j) {
            if (j != i) add(x, T(1), change_of(d, in, p * dim_ + k, i, j).update);
          }
          for (std::size_t c = 0; c < dim_; ++c) sum += cot.x[i * particles_ + p](k, c) * x[c];
        }
        // node states: one column for p ≠ i, D for p = i
        for (std::size_t column = 0; column < (p == i ? dim_ : 1); ++column) {
          const Vector<T>& cot_h = p == i ? cot.eta[p * dim_ + column] : cot.xi[i * particles_ + p];
          const auto factor = [&](std::size_t k) {
            return p != i ? edge(last, p, i).r[k] : T(k == column ? 1 : 0);
          };
          Vector<T> inner = transposed_times(d.W6, cot_h);
          for (std::size_t c = 0; c < h_; ++c) inner[c] *= d.sigma[i][c];
          const Vector<T> kappa = transposed_times(d.E, inner);
          Vector<T> zeta = transposed_times(d.C, inner);
          add(zeta, T(1), cot_h);
          for (std::size_t k = 0; k < dim_; ++k) sum += factor(k) * dot(zeta, in.h[p * dim_ + k][i]);
          for (std::size_t j = 0; j < particles_; ++j) {
            if (j == i) continue;
            Vector<T> e(h_);
            for (std::size_t k = 0; k < dim_; ++k) {
              add(e, factor(k), change_of(d, in, p * dim_ + k, i, j).e);
            }
            sum += dot(kappa, times(edge(d, i, j).jacobian, e));
          }
        }
      }
    }
    return sum;
  }

  Tangents<T> zero_tangents() const {
    const std::size_t coordinates = particles_ * dim_;
    return {Vector<Vector<T>>(coordinates, Vector<T>(coordinates)),
            Vector<Vector<Vector<T>>>(coordinates, Vector<Vector<T>>(particles_, Vector<T>(h_)))};
  }

  std::size_t particles_, dim_, h_;
  Vector<LayerDerivatives<T>> layers_;
};

/// Σ_k ∂v_k/∂x_k of one configuration x (N, D).
template <typename T, typename P>
T divergence(const Architecture& architecture, const ParameterLayout& layout, std::span<const P> parameters,
             double t, std::span<const T> x) {
  return Divergence<T>(architecture, layout, parameters, t, x).value();
}

}  // namespace equibolt::plain
