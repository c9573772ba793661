// The forward pass and the derivatives of the edges. Included once per instruction set by Highway's
// foreach_target; see divergence.cc.
#if defined(EQUIBOLT_EGNN_DIVERGENCE_EDGES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIBOLT_EGNN_DIVERGENCE_EDGES_INL_H_
#undef EQUIBOLT_EGNN_DIVERGENCE_EDGES_INL_H_
#else
#define EQUIBOLT_EGNN_DIVERGENCE_EDGES_INL_H_
#endif

#include "egnn/divergence_sample-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equibolt::HWY_NAMESPACE {
namespace {

/// What is wanted of a layer's edges besides their values.
enum class Wanted { lambda, contraction, jacobian };

/// The network's values, layer by layer, and the first derivatives of its edges (section 1).
class Values : public Sample {
 public:
  using Sample::Sample;

  void start(float t, std::span<const float> x) const {
    for (size_t s = 0; s < N_; ++s) {
      const size_t i = n_.order()[s];
      for (size_t c = 0; c < D_; ++c) w_.x[s * D_ + c] = x[i * D_ + c];
      float* h = w_.node_input + s * 2 * W_;
      const float* bias = n_.embedding_bias();
      const float* time = n_.embedding() + (n_.node_features() - 1) * W_;
      const float* type = n_.embedding() + n_.feature_of_type()[n_.type_of()[s]] * W_;
      for (size_t b = 0; b < W_; ++b) {
        h[b] = bias[b] + t * time[b] + (n_.has_type_features() ? type[b] : 0.0F);
      }
    }
    std::fill_n(w_.u, T_, 0.0F);
    for (size_t i = 0; i < N_; ++i) {
      for (size_t j = 0; j < N_; ++j) {
        float d2 = 0;
        for (size_t c = 0; c < D_; ++c) {
          const float r = w_.x[i * D_ + c] - w_.x[j * D_ + c];
          w_.r0[(i * N_ + j) * D_ + c] = r;
          d2 += r * r;
        }
        w_.d2_input[i * N_ + j] = d2;
      }
    }
  }

  void finish(std::span<float> v) const {
    for (size_t c = 0; c < D_; ++c) {
      double sum = 0;
      for (size_t i = 0; i < N_; ++i) sum += static_cast<double>(w_.u[i * D_ + c]);
      const float mean = static_cast<float>(sum / static_cast<double>(N_));
      for (size_t s = 0; s < N_; ++s) v[n_.order()[s] * D_ + c] = w_.u[s * D_ + c] - mean;
    }
  }

  /// Layer 0: h⁰ does not depend on x and both distances are the same, so that e moves along u + w alone.
  /// Leaves ω, q and α (with β in it) and, where wanted, Σ_j m_ij and μ.
  void first_edges(const Edges& e, bool wants_nodes) const {
    const LayerArrays<const float> p = n_.layer(0);
    const LayerTransposes<const float> pt = n_.transposes(0);
    const size_t step = lanes();
    geometry(e);
    apply_w1(0);
    clear_messages();
    if (wants_nodes) {
      for (size_t i = 0; i < N_; ++i) std::fill_n(w_.mu + (i * N_ + i) * W_, W_, 0.0F);
    }
    constexpr size_t tile = DivergenceWorkspace::tile_rows / 2;
    for (size_t first = 0; first < w_.first_edges.size(); first += tile) {
      const size_t rows = std::min(tile, w_.first_edges.size() - first);
      const Pair* pairs = w_.first_edges.data() + first;
      for (size_t r = 0; r < rows; ++r) {
        const float* pi = w_.pq + pairs[r].i * 2 * W_;
        const float* qj = w_.pq + pairs[r].j * 2 * W_ + W_;
        const Vector d2 = all(w_.d2_input[pairs[r].i * N_ + pairs[r].j]);
        for (size_t b = 0; b < W_; b += step) {
          const Vector both = hn::Add(load(p.w_d2 + b), load(p.w_d2_in + b));
          const Vector z = hn::MulAdd(both, d2, hn::Add(load(pi + b), load(qj + b)));
          Vector slope;
          store(silu(Floats(), z, &slope), w_.tile_a + r * W_ + b);
          store(hn::Mul(slope, both), w_.tile_a + (rows + r) * W_ + b);
        }
      }
      matmul(w_.tile_a, W_, 2 * rows, pt.w2, W_, W_, W_,
             [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
               float* to = w_.tile_m + row * W_ + column;
               if (row < rows) {
                 float* s = w_.tile_s + row * W_ + column;
                 Vector slope0, slope1;
                 c0 = silu(Floats(), hn::Add(c0, load(p.b2 + column)), &slope0);
                 c1 = silu(Floats(), hn::Add(c1, load(p.b2 + column + step)), &slope1);
                 store(slope0, s);
                 store(slope1, s + step);
               }
               store(c0, to);
               store(c1, to + step);
             });
      // The gate and its slope; then the gated m and its derivative μ.
      for (size_t r = 0; r < rows; ++r) {
        Vector sum = zero(), moved = zero();
        for (size_t b = 0; b < W_; b += step) {
          float* dm = w_.tile_m + (rows + r) * W_ + b;
          const Vector slope = hn::Mul(load(dm), load(w_.tile_s + r * W_ + b));
          store(slope, dm);
          sum = hn::MulAdd(load(w_.tile_m + r * W_ + b), load(p.att + b), sum);
          moved = hn::MulAdd(slope, load(p.att + b), moved);
        }
        store(sum, w_.partial + r * step);
        store(moved, w_.partial_b + r * step);
      }
      sum_rows(w_.partial, rows, w_.sums);
      sum_rows(w_.partial_b, rows, w_.sums_b);
      for (size_t r = 0; r < rows; r += step) {
        store_gate(hn::Add(load(w_.sums + r), all(p.att_bias[0])), r);
      }
      for (size_t r = 0; r < rows; ++r) {
        const Vector g = all(w_.gate[r]);
        const Vector moved_g = all(w_.gate[r] * w_.closed[r] * w_.sums_b[r]);
        float* sum_i = w_.node_input + pairs[r].i * 2 * W_ + W_;
        float* sum_j = w_.node_input + pairs[r].j * 2 * W_ + W_;
        for (size_t b = 0; b < W_; b += step) {
          const Vector m = load(w_.tile_m + r * W_ + b);
          const Vector gated = hn::Mul(g, m);
          store(gated, w_.tile_a + r * W_ + b);
          store(hn::MulAdd(g, load(w_.tile_m + (rows + r) * W_ + b), hn::Mul(moved_g, m)),
                w_.tile_a + (rows + r) * W_ + b);
          add_to(sum_i + b, gated);
          if (pairs[r].mirrored) add_to(sum_j + b, gated);
        }
      }
      matmul(w_.tile_a, W_, 2 * rows, pt.c1, W_, W_, W_,
             [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
               float* to = w_.tile_m + row * W_ + column;
               if (row < rows) {
                 Vector slope0, slope1;
                 const Vector v0 = load(p.c2 + column), v1 = load(p.c2 + column + step);
                 c0 = silu(Floats(), hn::Add(c0, load(p.bc + column)), &slope0);
                 c1 = silu(Floats(), hn::Add(c1, load(p.bc + column + step)), &slope1);
                 const Vector sum = hn::MulAdd(c0, v0, hn::Mul(c1, v1));
                 float* partial = w_.partial + row * step;
                 store(column == 0 ? sum : hn::Add(sum, load(partial)), partial);
                 c0 = hn::Mul(slope0, v0);
                 c1 = hn::Mul(slope1, v1);
               }
               store(c0, to);
               store(c1, to + step);
             });
      for (size_t r = 0; r < rows; ++r) {
        Vector sum = zero();
        for (size_t b = 0; b < W_; b += step) {
          sum = hn::MulAdd(load(w_.tile_m + r * W_ + b), load(w_.tile_m + (rows + r) * W_ + b), sum);
        }
        store(sum, w_.partial_b + r * step);
      }
      sum_rows(w_.partial, rows, w_.sums);
      sum_rows(w_.partial_b, rows, w_.sums_b);
      phi_of_sums(rows);
      for (size_t r = 0; r < rows; ++r) {
        const size_t i = pairs[r].i, j = pairs[r].j;
        const float f = n_.range() * w_.sums[r];
        const float slope = n_.range() * (1.0F - w_.sums[r]) * (1.0F + w_.sums[r]) * w_.sums_b[r];
        finish_edge(e, i * N_ + j, f, slope, 0);
        if (pairs[r].mirrored) finish_edge(e, j * N_ + i, f, slope, 0);
      }
      if (!wants_nodes) continue;
      matmul(w_.tile_a + rows * W_, W_, rows, pt.n1 + W_ * W_, W_, W_, W_,
             [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
               const Pair& pair = pairs[row];
               float* to = w_.mu + (pair.i * N_ + pair.j) * W_ + column;
               store(c0, to);
               store(c1, to + step);
               if (!pair.mirrored) return;
               to = w_.mu + (pair.j * N_ + pair.i) * W_ + column;
               store(c0, to);
               store(c1, to + step);
             });
    }
  }

  /// Layers ≥ 1: values of all edges, λ and, where wanted, Σ_j m_ij, s1, s2, m and, for the Jacobian, ρ.
  void edges(size_t l, const Edges& e, Wanted wanted) const {
    const LayerArrays<const float> p = n_.layer(l);
    const LayerTransposes<const float> pt = n_.transposes(l);
    const size_t step = lanes();
    const bool wants_nodes = wanted != Wanted::lambda;
    const bool wants_rho = wanted == Wanted::jacobian;
    geometry(e);
    apply_w1(l);
    clear_messages();
    constexpr size_t tile = DivergenceWorkspace::tile_rows;
    for (size_t first = 0; first < w_.edges.size(); first += tile) {
      const size_t rows = std::min(tile, w_.edges.size() - first);
      const Pair* pairs = w_.edges.data() + first;
      const auto edge = [&](size_t r) HWY_ATTR { return pairs[r].i * N_ + pairs[r].j; };
      for (size_t r = 0; r < rows; ++r) {
        const float* pi = w_.pq + pairs[r].i * 2 * W_;
        const float* qj = w_.pq + pairs[r].j * 2 * W_ + W_;
        const Vector d2 = all(e.d2[edge(r)]), d2_input = all(w_.d2_input[edge(r)]);
        float* s1 = e.s1 + edge(r) * W_;
        for (size_t b = 0; b < W_; b += step) {
          Vector z = hn::MulAdd(load(p.w_d2 + b), d2, hn::Add(load(pi + b), load(qj + b)));
          z = hn::MulAdd(load(p.w_d2_in + b), d2_input, z);
          Vector slope;
          store(silu(Floats(), z, &slope), w_.tile_a + r * W_ + b);
          store(slope, s1 + b);
        }
      }
      matmul(w_.tile_a, W_, rows, pt.w2, W_, W_, W_,
             [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
               float* m = w_.tile_m + row * W_ + column;
               float* s = w_.tile_s + row * W_ + column;
               Vector slope0, slope1;
               c0 = silu(Floats(), hn::Add(c0, load(p.b2 + column)), &slope0);
               c1 = silu(Floats(), hn::Add(c1, load(p.b2 + column + step)), &slope1);
               store(c0, m);
               store(c1, m + step);
               store(slope0, s);
               store(slope1, s + step);
               const Vector sum =
                   hn::MulAdd(c0, load(p.att + column), hn::Mul(c1, load(p.att + column + step)));
               float* partial = w_.partial + row * step;
               store(column == 0 ? sum : hn::Add(sum, load(partial)), partial);
             });
      sum_rows(w_.partial, rows, w_.sums);
      for (size_t r = 0; r < rows; r += step) {
        store_gate(hn::Add(load(w_.sums + r), all(p.att_bias[0])), r);
      }
      if (wants_nodes) {
        for (size_t r = 0; r < rows; ++r) {
          const Vector g = all(w_.gate[r]);
          float* sum_i = w_.node_input + pairs[r].i * 2 * W_ + W_;
          float* m = e.m + edge(r) * W_;
          for (size_t b = 0; b < W_; b += step) {
            const Vector value = load(w_.tile_m + r * W_ + b);
            store(hn::MulAdd(g, value, load(sum_i + b)), sum_i + b);
            store(value, m + b);
          }
        }
      }
      // The gate goes behind the product: W3 (g m) = g (W3 m).
      matmul(w_.tile_m, W_, rows, pt.c1, W_, W_, W_,
             [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
               const Vector g = all(w_.gate[row]);
               const Vector v0 = load(p.c2 + column), v1 = load(p.c2 + column + step);
               Vector slope0, slope1;
               c0 = silu(Floats(), hn::MulAdd(c0, g, load(p.bc + column)), &slope0);
               c1 = silu(Floats(), hn::MulAdd(c1, g, load(p.bc + column + step)), &slope1);
               const Vector sum = hn::MulAdd(c0, v0, hn::Mul(c1, v1));
               float* partial = w_.partial + row * step;
               store(column == 0 ? sum : hn::Add(sum, load(partial)), partial);
               store(hn::Mul(slope0, v0), w_.tile_a + row * W_ + column);
               store(hn::Mul(slope1, v1), w_.tile_a + row * W_ + column + step);
             });
      sum_rows(w_.partial, rows, w_.sums);
      phi_of_sums(rows);
      // Backwards, without the factor f′ = range (1 − φ²), which enters at the end.
      matmul(w_.tile_a, W_, rows, p.c1, W_, W_, W_,
             [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
               const float* m = w_.tile_m + row * W_ + column;
               const Vector sum = hn::MulAdd(c0, load(m), hn::Mul(c1, load(m + step)));
               float* partial = w_.partial + row * step;
               store(column == 0 ? sum : hn::Add(sum, load(partial)), partial);
               store(c0, w_.tile_b + row * W_ + column);
               store(c1, w_.tile_b + row * W_ + column + step);
             });
      sum_rows(w_.partial, rows, w_.sums_b);
      for (size_t r = 0; r < rows; ++r) {
        const float gate_slope = w_.gate[r] * w_.closed[r];
        e.closed[edge(r)] = w_.closed[r];
        const Vector g = all(w_.gate[r]), along = all(gate_slope * w_.sums_b[r]);
        const Vector slope = all(gate_slope);
        for (size_t b = 0; b < W_; b += step) {
          const Vector s2 = load(w_.tile_s + r * W_ + b);
          const Vector att = load(p.att + b);
          const Vector cot = hn::MulAdd(along, att, hn::Mul(g, load(w_.tile_b + r * W_ + b)));
          store(hn::Mul(s2, cot), w_.tile_a + r * W_ + b);
          if (wants_nodes) store(hn::Mul(s2, g), e.s2 + edge(r) * W_ + b);
          if (wants_rho) store(hn::Mul(hn::Mul(s2, slope), att), w_.tile_a + (rows + r) * W_ + b);
        }
      }
      matmul(w_.tile_a, W_, wants_rho ? 2 * rows : rows, p.w2, W_, W_, W_,
             [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
               if (row < rows) {
                 const size_t at = edge(row) * W_ + column;
                 const Vector slope = all(n_.range() * (1.0F - w_.sums[row]) * (1.0F + w_.sums[row]));
                 c0 = hn::Mul(hn::Mul(c0, slope), load(e.s1 + at));
                 c1 = hn::Mul(hn::Mul(c1, slope), load(e.s1 + at + step));
                 store(c0, e.lambda + at);
                 store(c1, e.lambda + at + step);
                 const Vector sum =
                     hn::MulAdd(c0, load(p.w_d2 + column), hn::Mul(c1, load(p.w_d2 + column + step)));
                 const Vector sum_b =
                     hn::MulAdd(c0, load(p.w_d2_in + column), hn::Mul(c1, load(p.w_d2_in + column + step)));
                 float* partial = w_.partial + row * step;
                 float* partial_b = w_.partial_b + row * step;
                 store(column == 0 ? sum : hn::Add(sum, load(partial)), partial);
                 store(column == 0 ? sum_b : hn::Add(sum_b, load(partial_b)), partial_b);
               } else {
                 const size_t at = edge(row - rows) * W_ + column;
                 store(hn::Mul(c0, load(e.s1 + at)), e.rho + at);
                 store(hn::Mul(c1, load(e.s1 + at + step)), e.rho + at + step);
               }
             });
      HWY_ALIGN float lambda_u[DivergenceWorkspace::tile_rows];
      sum_rows(w_.partial, rows, lambda_u);
      sum_rows(w_.partial_b, rows, w_.sums_b);
      for (size_t r = 0; r < rows; ++r) {
        finish_edge(e, edge(r), n_.range() * w_.sums[r], lambda_u[r], w_.sums_b[r]);
      }
    }
  }

  /// u_i += Σ_j ω_ij r_ij.
  void move(const Edges& e) const {
    for (size_t i = 0; i < N_; ++i) {
      for (size_t c = 0; c < D_; ++c) {
        float sum = 0;
        for (size_t j = 0; j < N_; ++j) sum += e.omega[i * N_ + j] * e.r[(i * N_ + j) * D_ + c];
        w_.u[i * D_ + c] += sum;
      }
    }
  }

  void update_nodes(size_t l, float* sigma) const {
    const LayerArrays<const float> p = n_.layer(l);
    const LayerTransposes<const float> pt = n_.transposes(l);
    const size_t step = lanes();
    matmul(w_.node_input, 2 * W_, N_, pt.n1, W_, 2 * W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             const size_t at = row * W_ + column;
             Vector slope0, slope1;
             c0 = silu(Floats(), hn::Add(c0, load(p.bn1 + column)), &slope0);
             c1 = silu(Floats(), hn::Add(c1, load(p.bn1 + column + step)), &slope1);
             store(c0, w_.node_hidden + at);
             store(c1, w_.node_hidden + at + step);
             store(slope0, sigma + at);
             store(slope1, sigma + at + step);
           });
    matmul(w_.node_hidden, W_, N_, pt.n2, W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             float* h = w_.node_input + row * 2 * W_ + column;
             add_to(h, hn::Add(c0, load(p.bn2 + column)));
             add_to(h + step, hn::Add(c1, load(p.bn2 + column + step)));
           });
  }

 private:
  /// r, d², q and its slope for d² in this layer; rows i = j are set to zero.
  void geometry(const Edges& e) const {
    for (size_t i = 0; i < N_; ++i) {
      for (size_t j = 0; j < N_; ++j) {
        const size_t ij = i * N_ + j;
        float d2 = 0;
        for (size_t c = 0; c < D_; ++c) {
          const float r = w_.r0[ij * D_ + c] + (w_.u[i * D_ + c] - w_.u[j * D_ + c]);
          e.r[ij * D_ + c] = r;
          d2 += r * r;
        }
        e.d2[ij] = d2;
      }
    }
    const Vector one = all(1.0F);
    for (size_t ij = 0; ij < N_ * N_; ij += lanes()) {
      const Vector distance = hn::Sqrt(hn::Add(load(e.d2 + ij), all(1e-8F)));
      const Vector q = hn::Div(one, hn::Add(distance, one));
      store(q, e.q + ij);
      store(hn::Div(hn::Mul(hn::Mul(q, q), all(-0.5F)), distance), e.q_slope + ij);
    }
    for (size_t i = 0; i < N_; ++i) {
      const size_t ii = i * N_ + i;
      for (float* rows : {e.s1, e.s2, e.m, e.rho, e.lambda}) std::fill_n(rows + ii * W_, W_, 0.0F);
      for (float* numbers : {e.omega, e.q, e.alpha, e.beta, e.closed}) numbers[ii] = 0;
    }
  }

  /// ω, α and β of one edge from f, λ·u and λ·w.
  void finish_edge(const Edges& e, size_t ij, float f, float lambda_u, float lambda_w) const {
    const float q = e.q[ij];
    e.omega[ij] = q * f;
    e.alpha[ij] = q * lambda_u + e.q_slope[ij] * f;
    e.beta[ij] = q * lambda_w;
  }

  /// g and 1 − g, neither by a subtraction: where gates are all but open, rounding would be all of 1 − g.
  void store_gate(Vector z, size_t r) const {
    store(sigmoid(Floats(), z), w_.gate + r);
    store(sigmoid(Floats(), hn::Neg(z)), w_.closed + r);
  }

  /// sums ← φ = tanh(sums).
  void phi_of_sums(size_t rows) const {
    for (size_t r = 0; r < rows; r += lanes()) {
      store(tanh(Floats(), load(w_.sums + r)), w_.sums + r);
    }
  }

  /// pq = [A h_i + b1, B h_i].
  void apply_w1(size_t l) const {
    const float* b1 = n_.layer(l).b1;
    matmul(w_.node_input, 2 * W_, N_, n_.transposes(l).w1, 2 * W_, W_, 2 * W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             float* to = w_.pq + row * 2 * W_ + column;
             store(hn::Add(c0, load(b1 + column)), to);
             store(hn::Add(c1, load(b1 + column + lanes())), to + lanes());
           });
  }

  void clear_messages() const {
    for (size_t i = 0; i < N_; ++i) std::fill_n(w_.node_input + i * 2 * W_ + W_, W_, 0.0F);
  }
};

}  // namespace
}  // namespace equibolt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // EQUIBOLT_EGNN_DIVERGENCE_EDGES_INL_H_
