// The last two layers. Included once per instruction set by Highway's
// foreach_target; see divergence.cc.
#if defined(EQUIBOLT_EGNN_DIVERGENCE_CONTRACTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIBOLT_EGNN_DIVERGENCE_CONTRACTION_INL_H_
#undef EQUIBOLT_EGNN_DIVERGENCE_CONTRACTION_INL_H_
#else
#define EQUIBOLT_EGNN_DIVERGENCE_CONTRACTION_INL_H_
#endif

#include "egnn/divergence_sample-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equibolt::HWY_NAMESPACE {
namespace {

/// The last layer's cotangents against the tangents of the layer before (sections 4 and 5).
class Contraction : public Sample {
 public:
  using Sample::Sample;

  /// L = 1: the trace of what layer 0 adds to the positions.
  double of_single_layer() const {
    double sum = 0;
    const Edges& e = w_.layer;
    for (size_t ij = 0; ij < N_ * N_; ++ij) {
      sum += static_cast<double>(static_cast<float>(D_) * e.omega[ij] + 2.0F * e.alpha[ij] * e.d2[ij]);
    }
    return sum;
  }

  /// L ≥ 2, the last layer in w_.last. L = 2: against the tangents after layer 0. L ≥ 3: through layer L − 2,
  /// in w_.layer, against the tangents before it, which for L = 3 are those after layer 0.
  double of_last_layers() const {
    const size_t last = n_.layers() - 1;
    const Edges& e = w_.last;
    double sum = 0;
    for (size_t ij = 0; ij < N_ * N_; ++ij) {
      float along = 0;
      for (size_t d = 0; d < D_; ++d) along += e.r[ij * D_ + d] * w_.r0[ij * D_ + d];
      sum += static_cast<double>(2.0F * e.beta[ij] * along);
    }
    const LayerArrays<const float> p = n_.layer(last);
    multiply(e.lambda, N_ * N_, p.w1 + W_ * W_, W_, w_.xi);
    for (size_t i = 0; i < N_; ++i) weighted_lambda(e, i, w_.dp + i * D_ * W_);
    multiply(w_.dp, T_, p.w1, W_, w_.eta);
    if (last == 2) {
      sum += contracted<true>(last - 1);
    } else if (last > 2) {
      sum += contracted<false>(last - 1);
    } else {
      for (size_t i = 0; i < N_; ++i) {
        sum += static_cast<double>(cotangents<true>(i, i));
        sum += static_cast<double>(dot(w_.cot_x + i * D_ * D_ * S_, w_.dx + i * D_ * D_ * S_, D_ * D_ * S_) +
                                   dot(w_.cot_h, w_.h_along, C_ * W_));
      }
    }
    return sum;
  }

 private:
  static float dot(const float* a, const float* b, size_t count) {
    Vector sum = zero();
    for (size_t k = 0; k < count; k += lanes()) sum = hn::MulAdd(load(a + k), load(b + k), sum);
    return sum_of(sum);
  }

  template <bool InColumns>
  double contracted(size_t l) const {
    const size_t rows = InColumns ? C_ : T_;
    multiply(InColumns ? w_.nu : w_.dh, N_ * rows, n_.transposes(l).w1 + W_, 2 * W_, w_.dq);
    double sum = 0;
    for (size_t first = 0; first < N_; first += w_.block) {
      const size_t end = std::min(first + w_.block, N_);
      for (size_t i = first; i < end; ++i) sum += static_cast<double>(cotangents<InColumns>(first, i));
      sum += static_cast<double>(through_nodes(l, first, end));
      for (size_t i = first; i < end; ++i) {
        sum += static_cast<double>(D_ == 3
                                       ? positions<InColumns, 3>(l, i) + messages<InColumns, 3>(l, first, i)
                                       : positions<InColumns, 0>(l, i) + messages<InColumns, 0>(l, first, i));
      }
    }
    return sum + static_cast<double>(from_others<InColumns>());
  }

  /// Section 4, for particle i of a block: x̄_i at [e][d][p] = ∂x^L_pd/∂x_ie at fixed h, the directions r_pi,
  /// h̄ in columns, and the tangents of h_i along the columns. Returns the trace of x̄_i − 1 at p = i: with it
  /// x̄ against the displacement's tangents is x̄ against those of x, less N·D.
  template <bool InColumns>
  float cotangents(size_t first, size_t i) const {
    float trace = 0;
    const Edges& e = w_.last;
    float* cot_x = w_.cot_x + i * D_ * D_ * S_;
    float* direction = w_.direction + i * D_ * S_;
    std::fill_n(direction, D_ * S_, 0.0F);
    for (size_t d = 0; d < D_; ++d) {
      for (size_t p = 0; p < N_; ++p) direction[d * S_ + p] = e.r[(p * N_ + i) * D_ + d];
    }
    minus_position_blocks(e, i * N_, 1, direction, cot_x);
    for (size_t row = 0; row < D_ * D_; ++row) w_.rows_d[row] = -sum_of_row(cot_x + row * S_);
    minus_position_blocks(e, i, N_, direction, cot_x);
    for (size_t row = 0; row < D_ * D_; ++row) cot_x[row * S_ + i] = w_.rows_d[row];
    for (size_t d = 0; d < D_; ++d) {
      trace += w_.rows_d[d * D_ + d];
      cot_x[(d * D_ + d) * S_ + i] += 1.0F;
    }
    float* cot_h = w_.cot_h + (i - first) * C_ * W_;
    float* h_along = w_.h_along + (i - first) * C_ * W_;
    for (size_t c = 0; c < N_; ++c) {
      if (c == i) continue;
      const Vector q = all(e.q[c * N_ + i]);
      float pairing = 0;
      if constexpr (InColumns) {
        for (size_t d = 0; d < D_; ++d)
          pairing += direction[d * S_ + c] * w_.direction0[(i * D_ + d) * S_ + c];
      }
      for (size_t b = 0; b < W_; b += lanes()) {
        store(hn::Mul(q, load(w_.xi + (c * N_ + i) * W_ + b)), cot_h + c * W_ + b);
        Vector along = zero();
        if constexpr (InColumns) {
          along = hn::Mul(all(pairing), load(w_.nu + (i * C_ + c) * W_ + b));
        } else {
          for (size_t d = 0; d < D_; ++d) {
            along =
                hn::MulAdd(all(direction[d * S_ + c]), load(w_.dh + (i * T_ + d * N_ + c) * W_ + b), along);
          }
        }
        store(along, h_along + c * W_ + b);
      }
    }
    for (size_t d = 0; d < D_; ++d) {
      const size_t c = own_column(i, d);
      std::copy_n(w_.eta + (i * D_ + d) * W_, W_, cot_h + c * W_);
      std::copy_n(InColumns ? w_.nu + (i * C_ + c) * W_ : w_.dh + (i * T_ + d * N_ + i) * W_, W_,
                  h_along + c * W_);
    }
    return trace;
  }

  /// h̄ through the node network of layer l: what goes straight to ḣ_i, and κ.
  float through_nodes(size_t l, size_t first, size_t end) const {
    const LayerArrays<const float> p = n_.layer(l);
    const size_t step = lanes();
    const size_t rows = (end - first) * C_;
    matmul(w_.cot_h, W_, rows, p.n2, W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             float* to = w_.cot_inner + row * W_ + column;
             const float* sigma = w_.layer.sigma + (first + w_.row_item[row]) * W_ + column;
             store(hn::Mul(c0, load(sigma)), to);
             store(hn::Mul(c1, load(sigma + step)), to + step);
           });
    Vector sum0 = zero(), sum1 = zero();
    matmul(w_.cot_inner, W_, rows, p.n1, 2 * W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             const float* along = w_.h_along + row * W_ + column;
             const float* cot = w_.cot_h + row * W_ + column;
             sum0 = hn::MulAdd(hn::Add(c0, load(cot)), load(along), sum0);
             sum1 = hn::MulAdd(hn::Add(c1, load(cot + step)), load(along + step), sum1);
           });
    multiply(w_.cot_inner, rows, p.n1 + W_, 2 * W_, w_.kappa);
    multiply(w_.h_along, rows, n_.transposes(l).w1, 2 * W_, w_.p_along);
    return sum_of(hn::Add(sum0, sum1));
  }

  /// Σ_k x̄_ik · ẋ_ik after layer l, without q λ·B ḣ_j, which from_others adds. Leaves ∂d²_ij, the same
  /// along the directions and, for tangents in columns, the pairing of both layers' directions.
  template <bool InColumns, size_t Dim>
  float positions(size_t l, size_t i) const {
    const size_t dim = Dim == 0 ? D_ : Dim;
    const Edges& e = w_.layer;
    const size_t step = lanes();
    const float* own = w_.dx + i * dim * dim * S_;
    const float* cot_x = w_.cot_x + i * dim * dim * S_;
    const float* direction = w_.direction + i * dim * S_;
    const float* one_i = w_.identity + i * S_;
    float sum = dot(cot_x, own, dim * dim * S_);
    for (size_t j = 0; j < N_; ++j) {
      const float* one_j = w_.identity + j * S_;
      const size_t ij = i * N_ + j;
      const float* r = e.r + ij * dim;
      const float* other = w_.dx + j * dim * dim * S_;
      const float* direction0 = w_.direction0 + j * dim * S_;
      Vector same = zero(), moved = zero();
      for (size_t p = 0; p < S_; p += step) {
        Vector dd2_along = zero(), pairing = zero();
        for (size_t d = 0; d < dim; ++d) {
          Vector dd2 = zero(), cot_along = zero();
          for (size_t c = 0; c < dim; ++c) {
            const size_t at = (c * dim + d) * S_ + p;
            Vector difference = hn::Sub(load(own + at), load(other + at));
            if (c == d) difference = hn::Add(difference, hn::Sub(load(one_i + p), load(one_j + p)));
            const Vector cot = load(cot_x + at);
            dd2 = hn::MulAdd(all(r[c]), difference, dd2);
            cot_along = hn::MulAdd(all(r[c]), cot, cot_along);
            same = hn::MulAdd(cot, difference, same);
          }
          dd2 = hn::Add(dd2, dd2);
          moved = hn::MulAdd(cot_along, dd2, moved);
          const Vector toward = load(direction + d * S_ + p);
          dd2_along = hn::MulAdd(dd2, toward, dd2_along);
          store(dd2, w_.dd2 + (j * dim + d) * S_ + p);
          if constexpr (InColumns) pairing = hn::MulAdd(toward, load(direction0 + d * S_ + p), pairing);
        }
        store(dd2_along, w_.dd2_along + j * S_ + p);
        if constexpr (InColumns) store(pairing, w_.pairing + j * S_ + p);
      }
      sum += sum_of(hn::MulAdd(all(e.omega[ij]), same, hn::Mul(all(e.alpha[ij]), moved)));
      // ∂d²_input is 2 r⁰ for p = i and −2 r⁰ for p = j.
      for (size_t d = 0; d < dim; ++d) {
        float difference = 0;
        for (size_t c = 0; c < dim; ++c) {
          const float* row = cot_x + (c * dim + d) * S_;
          difference += r[c] * (row[i] - row[j]);
        }
        sum += 2.0F * e.beta[ij] * w_.r0[ij * dim + d] * difference;
      }
    }
    return sum + from_own<InColumns>(l, i, cot_x);
  }

  /// q λ·A ḣ_i: Σ_j q r_ij λ_ij against A Σ_k x̄_ik ḣ_ik.
  template <bool InColumns>
  float from_own(size_t l, size_t i, const float* cot_x) const {
    const size_t step = lanes();
    float* weighted = w_.rows_d + D_ * W_;
    weighted_lambda(w_.layer, i, w_.rows_d);
    if constexpr (InColumns) {
      for (size_t c = 0; c < D_; ++c) {
        float* factors = w_.dp + c * wide_;
        std::fill_n(factors, C_, 0.0F);
        for (size_t d = 0; d < D_; ++d) {
          const float* cot = cot_x + (c * D_ + d) * S_;
          const float* direction0 = w_.direction0 + (i * D_ + d) * S_;
          for (size_t p = 0; p < N_; ++p) factors[p] += cot[p] * direction0[p];
          factors[own_column(i, d)] += cot[i];
        }
      }
      matmul(w_.dp, wide_, D_, w_.nu + i * C_ * W_, W_, C_, W_,
             [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
               store(c0, weighted + row * W_ + column);
               store(c1, weighted + row * W_ + column + step);
             });
    } else {
      std::fill_n(weighted, D_ * W_, 0.0F);
      for (size_t d = 0; d < D_; ++d) {
        matmul(cot_x + d * S_, D_ * S_, D_, w_.dh + (i * T_ + d * N_) * W_, W_, N_, W_,
               [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
                 add_to(weighted + row * W_ + column, c0);
                 add_to(weighted + row * W_ + column + step, c1);
               });
      }
    }
    Vector sum = zero();
    matmul(weighted, W_, D_, n_.transposes(l).w1, 2 * W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             const float* lambda = w_.rows_d + row * W_ + column;
             sum = hn::MulAdd(c0, load(lambda), sum);
             sum = hn::MulAdd(c1, load(lambda + step), sum);
           });
    return sum_of(sum);
  }

  /// q λ·B ḣ_j of all edges: Σ_j Σ_k θ_ijk λ_ij·B ḣ_jk with θ_ij = q x̄_iᵀ r_ij.
  template <bool InColumns>
  float from_others() const {
    const Edges& e = w_.layer;
    const size_t step = lanes();
    const size_t stride = InColumns ? wide_ : D_ * S_;
    float total = 0;
    for (size_t j = 0; j < N_; ++j) {
      for (size_t i = 0; i < N_; ++i) {
        float* theta = w_.theta + i * stride;
        const float* r = e.r + (i * N_ + j) * D_;
        const Vector q = all(e.q[i * N_ + j]);
        for (size_t p = 0; p < S_; p += step) {
          Vector sum = zero();
          for (size_t d = 0; d < D_; ++d) {
            Vector along = zero();
            for (size_t c = 0; c < D_; ++c) {
              along = hn::MulAdd(all(r[c]), load(w_.cot_x + ((i * D_ + c) * D_ + d) * S_ + p), along);
            }
            along = hn::Mul(q, along);
            if constexpr (InColumns) {
              sum = hn::MulAdd(along, load(w_.direction0 + (j * D_ + d) * S_ + p), sum);
            } else {
              store(along, theta + d * S_ + p);
            }
          }
          if constexpr (InColumns) store(sum, theta + p);
        }
        if constexpr (InColumns) {
          for (size_t d = 0; d < D_; ++d) {
            float along = 0;
            for (size_t c = 0; c < D_; ++c) along += r[c] * w_.cot_x[((i * D_ + c) * D_ + d) * S_ + j];
            theta[own_column(j, d)] = e.q[i * N_ + j] * along;
          }
        }
      }
      Vector sum0 = zero(), sum1 = zero();
      const auto against_lambda = [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
        const float* lambda = e.lambda + (row * N_ + j) * W_ + column;
        sum0 = hn::MulAdd(c0, load(lambda), sum0);
        sum1 = hn::MulAdd(c1, load(lambda + step), sum1);
      };
      if constexpr (InColumns) {
        matmul(w_.theta, stride, N_, w_.dq + j * C_ * W_, W_, C_, W_, against_lambda);
      } else {
        for (size_t d = 0; d < D_; ++d) {
          matmul(w_.theta + d * S_, stride, N_, w_.dq + (j * T_ + d * N_) * W_, W_, N_, W_, against_lambda);
        }
      }
      total += sum_of(hn::Add(sum0, sum1));
    }
    return total;
  }

  /// Section 5: Σ_j Σ_c κ_c·J_ij ė_c of the edges that end in i, ė_c = A ḣ_i + B ḣ_j + u ∂d² + w ∂d²_input
  /// along column c. J = (1 + (1 − g) m attᵀ) diag(g s2) W2 diag(s1), so that the gate adds a multiple of att
  /// to κ_c.
  template <bool InColumns, size_t Dim>
  float messages(size_t l, size_t first, size_t i) const {
    const Edges& e = w_.layer;
    const size_t step = lanes();
    const float* kappa = w_.kappa + (i - first) * C_ * W_;
    const float* att = n_.layer(l).att;
    for (size_t b = 0; b < W_; ++b) {
      float* row = w_.kappa_t + b * wide_;
      for (size_t c = 0; c < C_; ++c) row[c] = kappa[c * W_ + b];
      std::fill(row + C_, row + wide_, 0.0F);
    }
    matmul(e.m + i * N_ * W_, W_, N_, w_.kappa_t, wide_, W_, wide_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             const Vector closed = all(e.closed[i * N_ + row]);
             store(hn::Mul(closed, c0), w_.chi + row * wide_ + column);
             store(hn::Mul(closed, c1), w_.chi + row * wide_ + column + step);
           });
    Vector sum0 = zero(), sum1 = zero();
    size_t others[DivergenceWorkspace::max_batch];
    for (size_t next = 0; next < N_;) {
      size_t count = 0;
      for (; next < N_ && count < w_.batch; ++next) {
        if (next == i) continue;
        form_changes<InColumns, Dim>(l, first, i, next, w_.changes + count * C_ * W_);
        others[count++] = next;
      }
      matmul(w_.changes, W_, count * C_, n_.transposes(l).w2, W_, W_, W_,
             [&]<size_t Rows>(size_t row, size_t column, const Vector(&c0)[Rows], const Vector(&c1)[Rows])
                 HWY_ATTR {
                   const Vector att0 = load(att + column), att1 = load(att + column + step);
                   Vector part0 = zero(), part1 = zero();
                   for (size_t r = 0; r < Rows; ++r) {
                     const size_t j = others[w_.row_item[row + r]], c = w_.row_column[row + r];
                     const float* s2 = e.s2 + (i * N_ + j) * W_ + column;
                     const float* k = kappa + c * W_ + column;
                     const Vector chi = all(w_.chi[j * wide_ + c]);
                     part0 = hn::MulAdd(hn::Mul(c0[r], load(s2)), hn::MulAdd(chi, att0, load(k)), part0);
                     part1 = hn::MulAdd(hn::Mul(c1[r], load(s2 + step)),
                                        hn::MulAdd(chi, att1, load(k + step)), part1);
                   }
                   sum0 = hn::Add(sum0, part0);
                   sum1 = hn::Add(sum1, part1);
                 });
    }
    return sum_of(hn::Add(sum0, sum1));
  }

  /// s1 ė_c of one edge for all columns c.
  template <bool InColumns, size_t Dim>
  void form_changes(size_t l, size_t first, size_t i, size_t j, float* changes) const {
    const size_t dim = Dim == 0 ? D_ : Dim;
    const Edges& e = w_.layer;
    const LayerArrays<const float> p = n_.layer(l);
    const size_t step = lanes();
    const size_t ij = i * N_ + j;
    const float* p_along = w_.p_along + (i - first) * C_ * W_;
    const float* direction = w_.direction + i * dim * S_;
    const float* dq = w_.dq + j * (InColumns ? C_ : T_) * W_;
    const float* dd2_along = w_.dd2_along + j * S_;
    const float* pairing = w_.pairing + j * S_;
    const float* r0 = w_.r0 + ij * dim;
    float input_along = 0;  // ∂d²_input along column j
    for (size_t d = 0; d < dim; ++d) input_along -= 2.0F * r0[d] * direction[d * S_ + j];
    for (size_t b = 0; b < W_; b += 2 * step) {
      const Vector s0 = load(e.s1 + ij * W_ + b), s1 = load(e.s1 + ij * W_ + b + step);
      const Vector u0 = load(p.w_d2 + b), u1 = load(p.w_d2 + b + step);
      const Vector w0 = load(p.w_d2_in + b), w1 = load(p.w_d2_in + b + step);
      const auto add = [](float factor, const float* row, Vector& c0, Vector& c1) HWY_ATTR {
        c0 = hn::MulAdd(all(factor), load(row), c0);
        c1 = hn::MulAdd(all(factor), load(row + lanes()), c1);
      };
      const auto along = [&](size_t c) HWY_ATTR {
        const Vector dd2 = all(dd2_along[c]);
        Vector c0 = hn::MulAdd(u0, dd2, load(p_along + c * W_ + b));
        Vector c1 = hn::MulAdd(u1, dd2, load(p_along + c * W_ + b + step));
        if constexpr (InColumns) {
          add(pairing[c], dq + c * W_ + b, c0, c1);
        } else {
          for (size_t d = 0; d < dim; ++d) add(direction[d * S_ + c], dq + (d * N_ + c) * W_ + b, c0, c1);
        }
        store(hn::Mul(s0, c0), changes + c * W_ + b);
        store(hn::Mul(s1, c1), changes + c * W_ + b + step);
      };
      for (size_t c = 0; c < i; ++c) along(c);
      for (size_t c = i + 1; c < N_; ++c) along(c);

      // What only column j has: the distance at the input and, its own tangents being columns, these.
      Vector more0 = hn::Mul(w0, all(input_along)), more1 = hn::Mul(w1, all(input_along));
      if constexpr (InColumns) {
        for (size_t d = 0; d < dim; ++d) {
          add(direction[d * S_ + j], dq + own_column(j, d) * W_ + b, more0, more1);
        }
      }
      add_to(changes + j * W_ + b, hn::Mul(s0, more0));
      add_to(changes + j * W_ + b + step, hn::Mul(s1, more1));

      for (size_t d = 0; d < dim; ++d) {
        const size_t c = own_column(i, d);
        const Vector dd2 = all(w_.dd2[(j * dim + d) * S_ + i]), input = all(2.0F * r0[d]);
        Vector c0 = hn::MulAdd(w0, input, hn::MulAdd(u0, dd2, load(p_along + c * W_ + b)));
        Vector c1 = hn::MulAdd(w1, input, hn::MulAdd(u1, dd2, load(p_along + c * W_ + b + step)));
        if constexpr (InColumns) {
          add(w_.direction0[(j * dim + d) * S_ + i], dq + i * W_ + b, c0, c1);
        } else {
          add(1.0F, dq + (d * N_ + i) * W_ + b, c0, c1);
        }
        store(hn::Mul(s0, c0), changes + c * W_ + b);
        store(hn::Mul(s1, c1), changes + c * W_ + b + step);
      }
    }
  }
};

}  // namespace
}  // namespace equibolt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // EQUIBOLT_EGNN_DIVERGENCE_CONTRACTION_INL_H_
