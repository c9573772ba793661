#include "egnn/precise_field.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "egnn/spec/reference.h"

namespace equibolt {
namespace {

using Matrix = Eigen::MatrixXd;
using Row = Eigen::RowVectorXd;

Matrix columns(const reference::Linear<const double>& linear, std::size_t first, std::size_t count) {
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const RowMajor> all(linear.weight.data(), static_cast<Eigen::Index>(linear.outputs),
                                       static_cast<Eigen::Index>(linear.inputs));
  return all.middleCols(static_cast<Eigen::Index>(first), static_cast<Eigen::Index>(count));
}

Eigen::VectorXd bias(const reference::Linear<const double>& linear) {
  return Eigen::Map<const Eigen::VectorXd>(linear.bias.data(), static_cast<Eigen::Index>(linear.outputs));
}

/// z ← silu(z); returns silu′ of the old z.
Matrix silu_with_slope(Matrix& z) {
  const Matrix s = (1 + (-z.array().max(-80.0).min(80.0)).exp()).inverse();
  const Matrix slope = s.array() * (1 + z.array() * (1 - s.array()));
  z.array() *= s.array();
  return slope;
}

/// Column i of the result is the sum of the columns of the edges i←j.
Matrix sum_over_edges(const Matrix& edges, Eigen::Index particles) {
  Matrix sum(edges.rows(), particles);
  for (Eigen::Index i = 0; i < particles; ++i) {
    sum.col(i) = edges.middleCols(i * (particles - 1), particles - 1).rowwise().sum();
  }
  return sum;
}

}  // namespace

PreciseField::PreciseField(Architecture architecture, std::span<const float> parameters)
    : architecture_(std::move(architecture)),
      particles_(architecture_.particles()),
      dim_(architecture_.dim),
      range_(reference::position_range(architecture_)) {
  const ParameterLayout layout(architecture_);
  const std::vector<double> values(parameters.begin(), parameters.end());
  const std::span<const double> weights(values);
  const std::size_t h = architecture_.hidden;
  const auto embedding = reference::linear_of(layout, weights, "embedding");
  embedding_ = columns(embedding, 0, embedding.inputs);
  embedding_bias_ = bias(embedding);
  for (std::size_t l = 0; l < architecture_.layers; ++l) {
    const auto from = reference::layer_of(layout, weights, l);
    layers_.push_back({.A = columns(from.edge0, 0, h),
                       .B = columns(from.edge0, h, h),
                       .W2 = columns(from.edge2, 0, h),
                       .W3 = columns(from.coord0, 0, h),
                       .C = columns(from.node0, 0, h),
                       .E = columns(from.node0, h, h),
                       .W6 = columns(from.node2, 0, h),
                       .u = columns(from.edge0, 2 * h, 1),
                       .w = columns(from.edge0, 2 * h + 1, 1),
                       .b1 = bias(from.edge0),
                       .b2 = bias(from.edge2),
                       .attention = columns(from.att, 0, h).transpose(),
                       .b3 = bias(from.coord0),
                       .w4 = columns(from.coord2, 0, h).transpose(),
                       .b5 = bias(from.node0),
                       .b6 = bias(from.node2),
                       .attention_bias = from.att.bias[0]});
  }
  const auto count = static_cast<Eigen::Index>(particles_);
  for (Eigen::Index i = 0; i < count; ++i) {
    for (Eigen::Index j = 0; j < count; ++j) {
      if (j == i) continue;
      from_.push_back(i);
      to_.push_back(j);
    }
  }
}

std::vector<PreciseField::Trace> PreciseField::forward(double t, std::span<const double> x,
                                                       std::span<double> v) const {
  const auto particles = static_cast<Eigen::Index>(particles_);
  const Eigen::Map<const Matrix> x0(x.data(), static_cast<Eigen::Index>(dim_), particles);
  Matrix u = Matrix::Zero(x0.rows(), particles);
  Matrix h(embedding_.rows(), particles);
  for (std::size_t i = 0; i < particles_; ++i) {
    const auto input = reference::node_input<double>(architecture_, i, t);
    h.col(static_cast<Eigen::Index>(i)) =
        embedding_ * Eigen::Map<const Eigen::VectorXd>(input.data(), embedding_.cols()) + embedding_bias_;
  }
  const Matrix r0 = x0(Eigen::all, from_) - x0(Eigen::all, to_);
  const Row d2_input = r0.colwise().squaredNorm();

  std::vector<Trace> traces;
  for (const Layer& layer : layers_) {
    Trace trace;
    trace.r = r0 + u(Eigen::all, from_) - u(Eigen::all, to_);
    trace.d2 = trace.r.colwise().squaredNorm();
    const Matrix p = (layer.A * h).colwise() + layer.b1, q = layer.B * h;
    Matrix a1 = p(Eigen::all, from_) + q(Eigen::all, to_) + layer.u * trace.d2 + layer.w * d2_input;
    trace.slope1 = silu_with_slope(a1);
    trace.m = (layer.W2 * a1).colwise() + layer.b2;
    trace.slope2 = silu_with_slope(trace.m);
    const Row logit = (layer.attention.transpose() * trace.m).array() + layer.attention_bias;
    trace.gate = (1 + (-logit.array().max(-80.0).min(80.0)).exp()).inverse();
    const Matrix gated = trace.m.array().rowwise() * trace.gate.array();
    Matrix a3 = (layer.W3 * gated).colwise() + layer.b3;
    trace.slope3 = silu_with_slope(a3);
    trace.phi = (layer.w4.transpose() * a3).array().tanh();
    trace.q = ((trace.d2.array() + 1e-8).sqrt() + 1).inverse();
    const Matrix update = trace.r.array().rowwise() * (range_ * trace.q.array() * trace.phi.array());
    u += sum_over_edges(update, particles);
    Matrix a5 = (layer.C * h + layer.E * sum_over_edges(gated, particles)).colwise() + layer.b5;
    trace.slope5 = silu_with_slope(a5);
    h += (layer.W6 * a5).colwise() + layer.b6;
    traces.push_back(std::move(trace));
  }
  Eigen::Map<Matrix>(v.data(), u.rows(), particles) = u.colwise() - u.rowwise().mean();
  return traces;
}

double PreciseField::tangent(const std::vector<Trace>& traces, std::size_t coordinate) const {
  const auto particles = static_cast<Eigen::Index>(particles_);
  const auto k = static_cast<Eigen::Index>(coordinate);
  const auto dim = static_cast<Eigen::Index>(dim_);
  Matrix dx = Matrix::Zero(dim, particles);
  dx(k % dim, k / dim) = 1;
  Matrix du = Matrix::Zero(dim, particles), dh = Matrix::Zero(embedding_.rows(), particles);
  const Matrix dr0 = dx(Eigen::all, from_) - dx(Eigen::all, to_);
  const Row dd2_input = 2 * traces.front().r.cwiseProduct(dr0).colwise().sum();
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const Layer& layer = layers_[l];
    const Trace& trace = traces[l];
    const Matrix dr = dr0 + du(Eigen::all, from_) - du(Eigen::all, to_);
    const Row dd2 = 2 * trace.r.cwiseProduct(dr).colwise().sum();
    const Matrix p = layer.A * dh, q = layer.B * dh;
    const Matrix da1 = trace.slope1.cwiseProduct(p(Eigen::all, from_) + q(Eigen::all, to_) + layer.u * dd2 +
                                                 layer.w * dd2_input);
    const Matrix dm = trace.slope2.cwiseProduct(layer.W2 * da1);
    const Row dgate =
        (layer.attention.transpose() * dm).array() * trace.gate.array() * (1 - trace.gate.array());
    const Matrix dgated =
        dm.array().rowwise() * trace.gate.array() + trace.m.array().rowwise() * dgate.array();
    const Row dphi = (layer.w4.transpose() * trace.slope3.cwiseProduct(layer.W3 * dgated)).array() *
                     (1 - trace.phi.array().square());
    const Row dq = -0.5 * trace.q.array().square() / (trace.d2.array() + 1e-8).sqrt() * dd2.array();
    const Matrix update =
        trace.r.array().rowwise() * (dq.array() * trace.phi.array() + trace.q.array() * dphi.array()) +
        dr.array().rowwise() * (trace.q.array() * trace.phi.array());
    du += range_ * sum_over_edges(update, particles);
    dh += layer.W6 * trace.slope5.cwiseProduct(layer.C * dh + layer.E * sum_over_edges(dgated, particles));
  }
  return du(k % dim, k / dim);
}

void PreciseField::velocity(double t, std::span<const double> x, std::span<double> v) const {
  forward(t, x, v);
}

double PreciseField::velocity_and_divergence(double t, std::span<const double> x, std::span<double> v) const {
  const auto traces = forward(t, x, v);
  double sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) sum += tangent(traces, k);
  return sum;
}

}  // namespace equibolt
