// What the stages of the divergence's kernel share. Included once per instruction set by Highway's
// foreach_target; see divergence.cc.
#if defined(EQUIBOLT_EGNN_DIVERGENCE_SAMPLE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIBOLT_EGNN_DIVERGENCE_SAMPLE_INL_H_
#undef EQUIBOLT_EGNN_DIVERGENCE_SAMPLE_INL_H_
#else
#define EQUIBOLT_EGNN_DIVERGENCE_SAMPLE_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "egnn/divergence.h"
#include "egnn/matmul-inl.h"
#include "egnn/vector_math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace equibolt::HWY_NAMESPACE {
namespace {

using cpu::DivergenceWorkspace;
using cpu::LayerArrays;
using cpu::LayerTransposes;
using cpu::Network;
using Edges = DivergenceWorkspace::Edges;
using Pair = DivergenceWorkspace::Pair;
using std::size_t;

HWY_INLINE size_t lanes() {
  return hn::Lanes(Floats());
}
HWY_INLINE Vector load(const float* p) {
  return hn::Load(Floats(), p);
}
HWY_INLINE void store(Vector v, float* p) {
  hn::Store(v, Floats(), p);
}
HWY_INLINE Vector all(float value) {
  return hn::Set(Floats(), value);
}
HWY_INLINE Vector zero() {
  return hn::Zero(Floats());
}
HWY_INLINE float sum_of(Vector v) {
  return hn::GetLane(hn::SumOfLanes(Floats(), v));
}
HWY_INLINE void add_to(float* p, Vector v) {
  store(hn::Add(load(p), v), p);
}

/// One sample on its way through the network; symbols as in docs/mathematics-divergence.md.
class Sample {
 public:
  Sample(const Network& network, DivergenceWorkspace& workspace)
      : n_(network),
        w_(workspace),
        N_(workspace.particles),
        D_(workspace.dim),
        W_(workspace.width),
        T_(workspace.particles * workspace.dim),
        S_(workspace.stride),
        C_(workspace.columns),
        wide_(workspace.wide_stride) {}

 protected:
  const Network& n_;
  DivergenceWorkspace& w_;
  const size_t N_, D_, W_;
  const size_t T_;     ///< N·D tangents
  const size_t S_;     ///< N padded
  const size_t C_;     ///< N + D − 1 columns
  const size_t wide_;  ///< C padded

  /// Columns of particle i: p = c along a direction for c ≠ i; p = i and d = 0 for c = i; then p = i and the
  /// other d.
  size_t own_column(size_t i, size_t d) const { return d == 0 ? i : N_ + d - 1; }

  /// to = from M for `rows` rows of width W; M's rows `stride` apart.
  void multiply(const float* from, size_t rows, const float* matrix, size_t stride, float* to) const {
    matmul(from, W_, rows, matrix, stride, W_, W_,
           [=, this](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             store(c0, to + row * W_ + column);
             store(c1, to + row * W_ + column + lanes());
           });
  }

  /// −P = −ω 1 − 2 α r rᵀ, the factor of −(ẋ_i − ẋ_j) in the update of x_i, for the edges first + p·stride of
  /// p = 0 … N − 1, whose r or −r are the directions (D, S): rows (D, D, S) with p in the lanes, zero if i =
  /// j.
  void minus_position_blocks(const Edges& e, size_t first, size_t stride, const float* directions,
                             float* rows) const {
    float* alpha = w_.edge_weights;
    float* omega = w_.edge_weights + S_;
    std::fill_n(w_.edge_weights, 2 * S_, 0.0F);
    for (size_t p = 0; p < N_; ++p) {
      alpha[p] = -2.0F * e.alpha[first + p * stride];
      omega[p] = -e.omega[first + p * stride];
    }
    for (size_t c = 0; c < D_; ++c) {
      for (size_t d = 0; d < D_; ++d) {
        for (size_t p = 0; p < S_; p += lanes()) {
          const Vector along = hn::Mul(load(alpha + p), load(directions + c * S_ + p));
          const Vector same = c == d ? load(omega + p) : zero();
          store(hn::MulAdd(along, load(directions + d * S_ + p), same), rows + (c * D_ + d) * S_ + p);
        }
      }
    }
  }

  float sum_of_row(const float* row) const {
    Vector sum = zero();
    for (size_t p = 0; p < S_; p += lanes()) sum = hn::Add(sum, load(row + p));
    return sum_of(sum);
  }

  /// Σ_j q_ij r_ij λ_ij: (D, W).
  void weighted_lambda(const Edges& e, size_t i, float* out) const {
    for (size_t d = 0; d < D_; ++d) {
      for (size_t b = 0; b < W_; b += lanes()) {
        Vector sum = zero();
        for (size_t j = 0; j < N_; ++j) {
          const size_t ij = i * N_ + j;
          sum = hn::MulAdd(all(e.q[ij] * e.r[ij * D_ + d]), load(e.lambda + ij * W_ + b), sum);
        }
        store(sum, out + d * W_ + b);
      }
    }
  }
};

}  // namespace
}  // namespace equibolt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // EQUIBOLT_EGNN_DIVERGENCE_SAMPLE_INL_H_
