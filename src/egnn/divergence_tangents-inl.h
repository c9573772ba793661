// Tangents through the layers. Included once per instruction set by Highway's
// foreach_target; see divergence.cc.
#if defined(EQUIBOLT_EGNN_DIVERGENCE_TANGENTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIBOLT_EGNN_DIVERGENCE_TANGENTS_INL_H_
#undef EQUIBOLT_EGNN_DIVERGENCE_TANGENTS_INL_H_
#else
#define EQUIBOLT_EGNN_DIVERGENCE_TANGENTS_INL_H_
#endif

#include "egnn/divergence_sample-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equibolt::HWY_NAMESPACE {
namespace {

/// The tangents of the state for every coordinate of the input (sections 2 and 3).
class Tangents : public Sample {
 public:
  using Sample::Sample;

  /// Section 2, after layer 0: ∂h¹_i/∂x_p = ν_ip r⁰_ipᵀ for p ≠ i and minus their sum for p = i. Of the
  /// positions the displacements' tangents are kept, as u is: what is added to 1 keeps its digits.
  void after_first_layer() const {
    const Edges& e = w_.layer;
    const size_t step = lanes();
    for (size_t i = 0; i < N_; ++i) {
      std::fill_n(w_.identity + i * S_, S_, 0.0F);
      w_.identity[i * S_ + i] = 1;
      float* directions = w_.direction0 + i * D_ * S_;
      std::fill_n(directions, D_ * S_, 0.0F);
      for (size_t d = 0; d < D_; ++d) {
        for (size_t p = 0; p < N_; ++p) directions[d * S_ + p] = w_.r0[(i * N_ + p) * D_ + d];
      }
      float* dx = w_.dx + i * D_ * D_ * S_;
      minus_position_blocks(e, i * N_, 1, directions, dx);
      for (size_t row = 0; row < D_ * D_; ++row) dx[row * S_ + i] = -sum_of_row(dx + row * S_);
      for (size_t b = 0; b < W_; b += step) {
        const Vector factor = hn::Mul(all(-2.0F), load(e.sigma + i * W_ + b));
        for (size_t p = 0; p < N_; ++p) {
          float* mu = w_.mu + (i * N_ + p) * W_ + b;
          store(hn::Mul(factor, load(mu)), mu);
        }
      }
    }
    matmul(w_.mu, W_, N_ * N_, n_.transposes(0).n2, W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             const size_t i = static_cast<std::uint32_t>(row) / static_cast<std::uint32_t>(N_);
             float* to = w_.nu + (row + i * (C_ - N_)) * W_ + column;
             store(c0, to);
             store(c1, to + step);
           });
    for (size_t i = 0; i < N_; ++i) {
      float* nu = w_.nu + i * C_ * W_;
      for (size_t b = 0; b < W_; b += step) {
        // d = 0 last: its place is that of ν_ii, which is zero
        for (size_t d = D_; d-- > 0;) {
          Vector own = zero();
          for (size_t p = 0; p < N_; ++p) {
            own = hn::NegMulAdd(all(w_.direction0[(i * D_ + d) * S_ + p]), load(nu + p * W_ + b), own);
          }
          store(own, nu + own_column(i, d) * W_ + b);
        }
      }
    }
  }

  /// Section 3: through layer l, whose edges and node slopes are in w_.layer. Before layer 1 the tangents of
  /// h are ν r⁰ᵀ: C rows per particle do for T.
  void advance(size_t l) const {
    if (l == 1) {
      spread_nu();
      advance<true>(l);
    } else {
      advance<false>(l);
    }
  }

 private:
  static constexpr size_t panel = cpu::width_multiple;

  /// dh from ν.
  void spread_nu() const {
    for (size_t i = 0; i < N_; ++i) {
      std::fill_n(w_.dh + i * T_ * W_, T_ * W_, 0.0F);
      for (size_t c = 0; c < C_; ++c) {
        const float* from = w_.nu + (i * C_ + c) * W_;
        for (size_t b = 0; b < W_; b += lanes()) spread(w_.dh + i * T_ * W_ + b, i, c, load(from + b));
      }
    }
  }

  /// Adds what belongs to column c of particle j to the tangents' rows, W apart.
  HWY_INLINE void spread(float* rows, size_t j, size_t c, Vector value) const {
    if (c < N_ && c != j) {
      for (size_t d = 0; d < D_; ++d) {
        float* row = rows + (d * N_ + c) * W_;
        store(hn::MulAdd(all(w_.direction0[(j * D_ + d) * S_ + c]), value, load(row)), row);
      }
    } else {
      const size_t d = c < N_ ? 0 : c - N_ + 1;
      add_to(rows + (d * N_ + j) * W_, value);
    }
  }

  template <bool InColumns>
  void advance(size_t l) const {
    const Edges& e = w_.layer;
    const LayerArrays<const float> p = n_.layer(l);
    const LayerTransposes<const float> pt = n_.transposes(l);
    const size_t step = lanes();
    const size_t rows = InColumns ? C_ : T_;
    const float* tangents = InColumns ? w_.nu : w_.dh;
    std::copy_n(w_.dx, N_ * D_ * D_ * S_, w_.dx_next);
    for (size_t j = 0; j < N_; ++j) {
      float* dq = w_.dq + j * (rows + 2) * W_;
      multiply(tangents + j * rows * W_, rows, pt.w1 + W_, 2 * W_, dq);
      std::copy_n(p.w_d2, W_, dq + rows * W_);
      std::copy_n(p.w_d2_in, W_, dq + (rows + 1) * W_);
      move_by_other<InColumns>(j, dq);
    }
    for (size_t i = 0; i < N_; ++i) {
      multiply(tangents + i * rows * W_, rows, pt.w1, 2 * W_, w_.dp);
      weighted_lambda(e, i, w_.rows_d);
      for (size_t k = 0; k < rows; ++k) {
        for (size_t d = 0; d < D_; ++d) {
          Vector sum = zero();
          for (size_t b = 0; b < W_; b += step) {
            sum = hn::MulAdd(load(w_.dp + k * W_ + b), load(w_.rows_d + d * W_ + b), sum);
          }
          w_.dp_x[k * D_ + d] = sum_of(sum);
        }
      }
      D_ == 3 ? move<InColumns, 3>(i) : move<InColumns, 0>(i);
      std::fill_n(w_.dm, (T_ + S_) * W_, 0.0F);
      add_messages<InColumns>(l, i);

      float* dh = w_.dh + i * T_ * W_;
      multiply(dh, T_, pt.n1, W_, w_.dp);
      matmul(w_.dm, W_, T_, pt.n1 + W_ * W_, W_, W_, W_,
             [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
               float* to = w_.dp + row * W_ + column;
               const float* sigma = e.sigma + i * W_ + column;
               store(hn::Mul(hn::Add(load(to), c0), load(sigma)), to);
               store(hn::Mul(hn::Add(load(to + step), c1), load(sigma + step)), to + step);
             });
      matmul(w_.dp, W_, T_, pt.n2, W_, W_, W_, [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
        add_to(dh + row * W_ + column, c0);
        add_to(dh + row * W_ + column + step, c1);
      });
    }
    std::swap(w_.dx, w_.dx_next);
  }

  /// dm += Σ_j J_ij (A ḣ_i + B ḣ_j + u ∂d² + w ∂d²_input).
  template <bool InColumns>
  void add_messages(size_t l, size_t i) const {
    const Edges& e = w_.layer;
    const LayerTransposes<const float> pt = n_.transposes(l);
    const size_t step = lanes();
    const size_t rows = InColumns ? C_ : T_;
    std::fill_n(w_.jacobian_uw + i * W_, W_, 0.0F);
    std::fill_n(w_.jacobian_uw + (N_ + i) * W_, W_, 0.0F);
    // Few columns of J at a time, so that they stay in the first cache.
    for (size_t first = 0; first < W_; first += panel) {
      size_t others[DivergenceWorkspace::max_batch];
      for (size_t next = 0; next < N_;) {
        size_t count = 0;
        for (; next < N_ && count < w_.batch; ++next) {
          if (next == i) continue;
          float* ju = w_.jacobian_uw + next * W_ + first;
          float* jw = w_.jacobian_uw + (N_ + next) * W_ + first;
          float* changes = w_.changes + count * rows * panel;
          others[count++] = next;
          form_jacobian(e, i * N_ + next, pt.w2, first);
          matmul(w_.dq + next * (rows + 2) * W_, W_, rows + 2, w_.jacobian, panel, W_, panel,
                 [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
                   if (row >= rows) {
                     float* to = (row == rows ? ju : jw) + column;
                     store(c0, to);
                     store(c1, to + step);
                   } else if constexpr (InColumns) {
                     store(c0, changes + row * panel + column);
                     store(c1, changes + row * panel + column + step);
                   } else {
                     add_to(w_.dm + row * W_ + first + column, c0);
                     add_to(w_.dm + row * W_ + first + column + step, c1);
                   }
                 });
        }
        if constexpr (InColumns) {
          if (D_ == 3) {
            spread_changes<3>(others, count, first);
          } else {
            spread_changes<1>(others, count, first);
          }
        }
      }
    }
    // ∂d²_input is 2 r⁰ for p = i and −2 r⁰ for p = j.
    for (size_t j = 0; j < N_; ++j) {
      for (size_t d = 0; d < D_; ++d) {
        const Vector change = all(2.0F * w_.r0[(i * N_ + j) * D_ + d]);
        float* own = w_.dm + (d * N_ + i) * W_;
        float* other = w_.dm + (d * N_ + j) * W_;
        for (size_t b = 0; b < W_; b += step) {
          const Vector term = hn::Mul(change, load(w_.jacobian_uw + (N_ + j) * W_ + b));
          add_to(own + b, term);
          store(hn::Sub(load(other + b), term), other + b);
        }
      }
    }
    // Σ_j J_ij, by its two sums of outer products
    std::fill_n(w_.jacobian_sum, W_ * W_, 0.0F);
    add_outer(e.s1 + i * N_ * W_, W_, W_, e.s2 + i * N_ * W_, W_, W_, N_, w_.jacobian_sum, W_);
    for (size_t k = 0; k < W_ * W_; k += step) {
      store(hn::Mul(load(w_.jacobian_sum + k), load(pt.w2 + k)), w_.jacobian_sum + k);
    }
    add_outer(e.rho + i * N_ * W_, W_, W_, e.m + i * N_ * W_, W_, W_, N_, w_.jacobian_sum, W_);
    matmul(w_.dp, W_, rows, w_.jacobian_sum, W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             if constexpr (InColumns) {
               spread(w_.dm + column, i, row, c0);
               spread(w_.dm + column + step, i, row, c1);
             } else {
               add_to(w_.dm + row * W_ + column, c0);
               add_to(w_.dm + row * W_ + column + step, c1);
             }
           });
    // What goes beyond N rows is zero, as dd2 is there.
    for (size_t d = 0; d < D_; ++d) {
      add_outer(w_.dd2 + d * S_, D_ * S_, S_, w_.jacobian_uw, W_, W_, N_, w_.dm + d * N_ * W_, W_);
    }
  }

  /// Adds J_ij ė_j, in columns, of a batch of particles j to the tangents' rows; Group divides D.
  template <size_t Group>
  void spread_changes(const size_t* others, size_t count, size_t first) const {
    const size_t step = lanes();
    for (size_t d = 0; d < D_; d += Group) {
      for (size_t p = 0; p < N_; ++p) {
        for (size_t b = 0; b < panel; b += step) {
          float* to = w_.dm + (d * N_ + p) * W_ + first + b;
          Vector sum[Group];
          for (size_t k = 0; k < Group; ++k) sum[k] = load(to + k * N_ * W_);
          for (size_t other = 0; other < count; ++other) {
            const Vector change = load(w_.changes + (other * C_ + p) * panel + b);
            // zero for p = j, where the row is another column's
            const float* factor = w_.direction0 + (others[other] * D_ + d) * S_ + p;
            for (size_t k = 0; k < Group; ++k) sum[k] = hn::MulAdd(all(factor[k * S_]), change, sum[k]);
          }
          for (size_t k = 0; k < Group; ++k) store(sum[k], to + k * N_ * W_);
        }
      }
    }
    for (size_t other = 0; other < count; ++other) {
      const size_t j = others[other];
      for (size_t d = 0; d < D_; ++d) {
        const float* from = w_.changes + (other * C_ + own_column(j, d)) * panel;
        for (size_t b = 0; b < panel; b += step)
          add_to(w_.dm + (d * N_ + j) * W_ + first + b, load(from + b));
      }
    }
  }

  /// `panel` columns of J_ijᵀ = diag(s1) W2ᵀ diag(g s2) + ρ mᵀ.
  void form_jacobian(const Edges& e, size_t ij, const float* w2_t, size_t first) const {
    const float* s1 = e.s1 + ij * W_;
    const float* rho = e.rho + ij * W_;
    const size_t step = lanes();
    for (size_t a = 0; a < panel; a += 2 * step) {
      const float* s2 = e.s2 + ij * W_ + first + a;
      const float* m = e.m + ij * W_ + first + a;
      const Vector s2_0 = load(s2), s2_1 = load(s2 + step), m0 = load(m), m1 = load(m + step);
      for (size_t b = 0; b < W_; ++b) {
        const Vector slope = all(s1[b]), gate = all(rho[b]);
        const float* from = w2_t + b * W_ + first + a;
        float* to = w_.jacobian + b * panel + a;
        store(hn::MulAdd(gate, m0, hn::Mul(hn::Mul(load(from), s2_0), slope)), to);
        store(hn::MulAdd(gate, m1, hn::Mul(hn::Mul(load(from + step), s2_1), slope)), to + step);
      }
    }
  }

  /// What B ḣ_j does to all x_i: dx_next_i += r_ij q_ij λ_ij·dq_j.
  template <bool InColumns>
  void move_by_other(size_t j, const float* dq) const {
    const Edges& e = w_.layer;
    const size_t step = lanes();
    for (size_t b = 0; b < W_; ++b) {
      float* row = w_.lambda_t + b * wide_;
      for (size_t i = 0; i < N_; ++i) row[i] = e.q[i * N_ + j] * e.lambda[(i * N_ + j) * W_ + b];
      std::fill(row + N_, row + wide_, 0.0F);
    }
    matmul(dq, W_, InColumns ? C_ : T_, w_.lambda_t, wide_, W_, wide_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             store(c0, w_.phi + row * wide_ + column);
             store(c1, w_.phi + row * wide_ + column + step);
           });
    float* along = w_.dd2;  // (S,), not in use yet
    std::fill_n(along, S_, 0.0F);
    for (size_t i = 0; i < N_; ++i) {
      if (i == j) continue;
      const float* phi = w_.phi + i;
      for (size_t d = 0; d < D_; ++d) {
        if constexpr (InColumns) {
          const float* direction0 = w_.direction0 + (j * D_ + d) * S_;
          for (size_t q = 0; q < N_; ++q) along[q] = phi[q * wide_] * direction0[q];
          along[j] = phi[own_column(j, d) * wide_];
        } else {
          for (size_t q = 0; q < N_; ++q) along[q] = phi[(d * N_ + q) * wide_];
        }
        for (size_t c = 0; c < D_; ++c) {
          float* row = w_.dx_next + ((i * D_ + c) * D_ + d) * S_;
          const Vector r = all(e.r[(i * N_ + j) * D_ + c]);
          for (size_t q = 0; q < S_; q += step) store(hn::MulAdd(r, load(along + q), load(row + q)), row + q);
        }
      }
    }
  }

  /// The rest of dx_next_i, and ∂d²_ij.
  template <bool InColumns, size_t Dim>
  void move(size_t i) const {
    const size_t dim = Dim == 0 ? D_ : Dim;
    const Edges& e = w_.layer;
    const size_t step = lanes();
    float* next = w_.dx_next + i * dim * dim * S_;
    const float* own = w_.dx + i * dim * dim * S_;
    const float* one_i = w_.identity + i * S_;
    for (size_t j = 0; j < N_; ++j) {
      const float* one_j = w_.identity + j * S_;
      const size_t ij = i * N_ + j;
      const float* r = e.r + ij * dim;
      const float* other = w_.dx + j * dim * dim * S_;
      for (size_t d = 0; d < dim; ++d) {
        for (size_t q = 0; q < S_; q += step) {
          Vector dd2 = zero();
          for (size_t c = 0; c < dim; ++c) {
            const size_t at = (c * dim + d) * S_ + q;
            Vector dr = hn::Sub(load(own + at), load(other + at));
            if (c == d) dr = hn::Add(dr, hn::Sub(load(one_i + q), load(one_j + q)));
            dd2 = hn::MulAdd(all(2.0F * r[c]), dr, dd2);
          }
          store(dd2, w_.dd2 + (j * dim + d) * S_ + q);
          const Vector factor = hn::Mul(all(e.alpha[ij]), dd2);
          for (size_t c = 0; c < dim; ++c) {
            const size_t at = (c * dim + d) * S_ + q;
            Vector dr = hn::Sub(load(own + at), load(other + at));
            if (c == d) dr = hn::Add(dr, hn::Sub(load(one_i + q), load(one_j + q)));
            store(hn::MulAdd(all(e.omega[ij]), dr, hn::MulAdd(all(r[c]), factor, load(next + at))),
                  next + at);
          }
        }
      }
      for (size_t c = 0; c < dim; ++c) {
        for (size_t d = 0; d < dim; ++d) {
          const float term = 2.0F * e.beta[ij] * r[c] * w_.r0[ij * dim + d];
          next[(c * dim + d) * S_ + i] += term;
          next[(c * dim + d) * S_ + j] -= term;
        }
      }
    }
    for (size_t c = 0; c < dim; ++c) {
      for (size_t d = 0; d < dim; ++d) {
        float* row = next + (c * dim + d) * S_;
        if constexpr (InColumns) {
          for (size_t q = 0; q < N_; ++q)
            row[q] += w_.direction0[(i * dim + d) * S_ + q] * w_.dp_x[q * dim + c];
          row[i] += w_.dp_x[own_column(i, d) * dim + c];
        } else {
          for (size_t q = 0; q < N_; ++q) row[q] += w_.dp_x[(d * N_ + q) * dim + c];
        }
      }
    }
  }
};

}  // namespace
}  // namespace equibolt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // EQUIBOLT_EGNN_DIVERGENCE_TANGENTS_INL_H_
