#include "egnn/divergence.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "egnn/divergence.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep

// clang-format off: after foreach_target
#include "egnn/matmul-inl.h"
#include "egnn/vector_math-inl.h"
#include "hwy/highway.h"
// clang-format on

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
HWY_INLINE float sum_of(Vector v) {
  return hn::GetLane(hn::SumOfLanes(Floats(), v));
}
HWY_INLINE void add_to(float* p, Vector v) {
  store(hn::Add(load(p), v), p);
}

/// The arithmetic of one sample (docs/mathematics-divergence.md, whose symbols are used).
class Divergence {
 public:
  Divergence(const Network& network, DivergenceWorkspace& workspace)
      : n_(network),
        w_(workspace),
        N_(workspace.particles),
        D_(workspace.dim),
        W_(workspace.width),
        T_(workspace.particles * workspace.dim),
        S_(workspace.stride),
        wide_(workspace.wide_stride) {}

  double run(float t, std::span<const float> x, std::span<float> v) {
    const size_t last = n_.layers() - 1;
    start(t, x);
    first_edges(w_.layer, last > 0);
    double divergence = 0;
    if (last == 0) {
      move(w_.layer);
      divergence = trace_of_single_layer();
    } else {
      move(w_.layer);
      update_nodes(0, w_.layer.sigma);
      tangents_of_first_layer();
      for (size_t l = 1; l + 1 < last; ++l) {
        edges(l, w_.layer, Wanted::jacobian);
        move(w_.layer);
        update_nodes(l, w_.layer.sigma);
        advance_tangents(l);
      }
      if (last > 1) {
        edges(last - 1, w_.layer, Wanted::contraction);
        move(w_.layer);
        update_nodes(last - 1, w_.layer.sigma);
      }
      edges(last, w_.last, Wanted::lambda);
      move(w_.last);
      divergence = contract(last);
    }
    finish(v);
    return divergence;
  }

 private:
  const Network& n_;
  DivergenceWorkspace& w_;
  const size_t N_, D_, W_, T_, S_, wide_;

  // ---- values ----

  void start(float t, std::span<const float> x) {
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

  /// r and d² of this layer.
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
      const size_t ii = i * N_ + i;
      for (float* rows : {e.s1, e.s2, e.m, e.rho, e.lambda}) std::fill_n(rows + ii * W_, W_, 0.0F);
      for (float* numbers : {e.omega, e.q, e.alpha, e.beta}) numbers[ii] = 0;
    }
  }

  /// ω, q, α and β of one edge from f, λ·u and λ·w.
  void weights_of_edge(const Edges& e, size_t ij, float f, float lambda_u, float lambda_w) const {
    const float distance = std::sqrt(e.d2[ij] + 1e-8F);
    const float q = 1.0F / (distance + 1.0F);
    e.q[ij] = q;
    e.omega[ij] = q * f;
    e.alpha[ij] = q * lambda_u - q * q * f / (2.0F * distance);
    e.beta[ij] = q * lambda_w;
  }

  /// Layer 0: h⁰ does not depend on x and both distances are the same, so that e moves along u + w alone.
  /// Leaves ω, q and α (with β in it) and, where wanted, Σ_j m_ij and μ.
  void first_edges(const Edges& e, bool wants_nodes) {
    const LayerArrays<const float> p = n_.layer(0);
    const LayerTransposes pt = n_.transposes(0);
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
        Vector sum = hn::Zero(Floats()), moved = hn::Zero(Floats());
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
        store(sigmoid(Floats(), hn::Add(load(w_.sums + r), all(p.att_bias[0]))), w_.gate + r);
      }
      for (size_t r = 0; r < rows; ++r) {
        const Vector g = all(w_.gate[r]);
        const Vector moved_g = all(w_.gate[r] * (1.0F - w_.gate[r]) * w_.sums_b[r]);
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
        Vector sum = hn::Zero(Floats());
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
        weights_of_edge(e, i * N_ + j, f, slope, 0);
        if (pairs[r].mirrored) weights_of_edge(e, j * N_ + i, f, slope, 0);
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

  enum class Wanted { lambda, contraction, jacobian };

  /// Layers ≥ 1: values of all edges, λ and, where wanted, Σ_j m_ij, s1, s2, m and ρ (without s1 for the
  /// contraction).
  void edges(size_t l, const Edges& e, Wanted wanted) {
    const LayerArrays<const float> p = n_.layer(l);
    const LayerTransposes pt = n_.transposes(l);
    const size_t step = lanes();
    const bool wants_nodes = wanted != Wanted::lambda;
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
        store(sigmoid(Floats(), hn::Add(load(w_.sums + r), all(p.att_bias[0]))), w_.gate + r);
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
        const float gate_slope = w_.gate[r] * (1.0F - w_.gate[r]);
        const Vector g = all(w_.gate[r]), along = all(gate_slope * w_.sums_b[r]);
        const Vector slope = all(gate_slope);
        for (size_t b = 0; b < W_; b += step) {
          const Vector s2 = load(w_.tile_s + r * W_ + b);
          const Vector att = load(p.att + b);
          const Vector cot = hn::MulAdd(along, att, hn::Mul(g, load(w_.tile_b + r * W_ + b)));
          store(hn::Mul(s2, cot), w_.tile_a + r * W_ + b);
          if (wants_nodes) {
            store(hn::Mul(s2, g), e.s2 + edge(r) * W_ + b);
            store(hn::Mul(hn::Mul(s2, slope), att), w_.tile_a + (rows + r) * W_ + b);
          }
        }
      }
      matmul(w_.tile_a, W_, wants_nodes ? 2 * rows : rows, p.w2, W_, W_, W_,
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
                 if (wanted == Wanted::jacobian) {
                   c0 = hn::Mul(c0, load(e.s1 + at));
                   c1 = hn::Mul(c1, load(e.s1 + at + step));
                 }
                 store(c0, e.rho + at);
                 store(c1, e.rho + at + step);
               }
             });
      HWY_ALIGN float lambda_u[DivergenceWorkspace::tile_rows];
      sum_rows(w_.partial, rows, lambda_u);
      sum_rows(w_.partial_b, rows, w_.sums_b);
      for (size_t r = 0; r < rows; ++r) {
        weights_of_edge(e, edge(r), n_.range() * w_.sums[r], lambda_u[r], w_.sums_b[r]);
      }
    }
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
    const LayerTransposes pt = n_.transposes(l);
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

  // ---- tangents ----

  double trace_of_single_layer() const {
    double sum = 0;
    const Edges& e = w_.layer;
    for (size_t ij = 0; ij < N_ * N_; ++ij) {
      sum += static_cast<double>(static_cast<float>(D_) * e.omega[ij] + 2.0F * e.alpha[ij] * e.d2[ij]);
    }
    return sum;
  }

  /// P_ij = ω 1 + 2 α r rᵀ, row e, column d.
  float position_block(const Edges& e, size_t ij, size_t row, size_t column) const {
    const float* r = e.r + ij * D_;
    return 2.0F * e.alpha[ij] * r[row] * r[column] + (row == column ? e.omega[ij] : 0.0F);
  }

  /// Section 2: ∂h¹_i/∂x_p = ν_ip r_ipᵀ for p ≠ i and minus their sum for p = i.
  void tangents_of_first_layer() const {
    const Edges& e = w_.layer;
    const size_t step = lanes();
    for (size_t i = 0; i < N_; ++i) {
      float* dx = w_.dx + i * D_ * D_ * S_;
      std::fill_n(dx, D_ * D_ * S_, 0.0F);
      for (size_t c = 0; c < D_; ++c) {
        for (size_t d = 0; d < D_; ++d) {
          float* row = dx + (c * D_ + d) * S_;
          float own = c == d ? 1.0F : 0.0F;
          for (size_t p = 0; p < N_; ++p) {
            const float block = position_block(e, i * N_ + p, c, d);
            own += block;
            row[p] = -block;
          }
          row[i] = own;
        }
      }
      for (size_t p = 0; p < N_; ++p) {
        float* mu = w_.mu + (i * N_ + p) * W_;
        for (size_t b = 0; b < W_; b += step) {
          store(hn::Mul(hn::Mul(all(-2.0F), load(mu + b)), load(e.sigma + i * W_ + b)), mu + b);
        }
      }
    }
    // ν in the place of dq, which is not in use yet
    float* nu = w_.dq;
    matmul(w_.mu, W_, N_ * N_, n_.transposes(0).n2, W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             store(c0, nu + row * W_ + column);
             store(c1, nu + row * W_ + column + step);
           });
    for (size_t i = 0; i < N_; ++i) {
      for (size_t d = 0; d < D_; ++d) {
        float* rows = w_.dh + (i * T_ + d * N_) * W_;
        for (size_t b = 0; b < W_; b += step) {
          Vector own = hn::Zero(Floats());
          for (size_t p = 0; p < N_; ++p) {
            const Vector term = hn::Mul(all(e.r[(i * N_ + p) * D_ + d]), load(nu + (i * N_ + p) * W_ + b));
            own = hn::Sub(own, term);
            store(term, rows + p * W_ + b);
          }
          store(own, rows + i * W_ + b);
        }
      }
    }
  }

  /// dq = B dh for all particles.
  void apply_b(size_t l) const {
    matmul(w_.dh, W_, N_ * T_, n_.transposes(l).w1 + W_, 2 * W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             store(c0, w_.dq + row * W_ + column);
             store(c1, w_.dq + row * W_ + column + lanes());
           });
  }

  /// Σ_j q_ij r_ij λ_ij: (D, W).
  void weighted_lambda(const Edges& e, size_t i, float* out) const {
    for (size_t d = 0; d < D_; ++d) {
      for (size_t b = 0; b < W_; b += lanes()) {
        Vector sum = hn::Zero(Floats());
        for (size_t j = 0; j < N_; ++j) {
          const size_t ij = i * N_ + j;
          sum = hn::MulAdd(all(e.q[ij] * e.r[ij * D_ + d]), load(e.lambda + ij * W_ + b), sum);
        }
        store(sum, out + d * W_ + b);
      }
    }
  }

  /// Section 3: all tangents through one layer, whose edges and node slopes are in w_.layer.
  void advance_tangents(size_t l) const {
    const Edges& e = w_.layer;
    const LayerArrays<const float> p = n_.layer(l);
    const LayerTransposes pt = n_.transposes(l);
    const size_t step = lanes();
    apply_b(l);
    for (size_t j = 0; j < N_; ++j) {
      for (size_t b = 0; b < W_; ++b) {
        float* row = w_.lambda_t + b * wide_;
        for (size_t i = 0; i < N_; ++i) row[i] = e.lambda[(i * N_ + j) * W_ + b];
        std::fill(row + N_, row + wide_, 0.0F);
      }
      matmul(w_.dq + j * T_ * W_, W_, T_, w_.lambda_t, wide_, W_, wide_,
             [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
               float* to = w_.phi + (j * T_ + row) * wide_ + column;
               store(c0, to);
               store(c1, to + step);
             });
    }
    for (size_t i = 0; i < N_; ++i) {
      float* dh = w_.dh + i * T_ * W_;
      matmul(dh, W_, T_, pt.w1, 2 * W_, W_, W_,
             [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
               store(c0, w_.dp + row * W_ + column);
               store(c1, w_.dp + row * W_ + column + step);
             });
      weighted_lambda(e, i, w_.rows_d);
      for (size_t k = 0; k < T_; ++k) {
        for (size_t d = 0; d < D_; ++d) {
          Vector sum = hn::Zero(Floats());
          for (size_t b = 0; b < W_; b += step) {
            sum = hn::MulAdd(load(w_.dp + k * W_ + b), load(w_.rows_d + d * W_ + b), sum);
          }
          w_.dp_x[k * D_ + d] = sum_of(sum);
        }
      }
      advance_positions(e, i);

      std::fill_n(w_.dm, (T_ + S_) * W_, 0.0F);
      for (size_t j = 0; j < N_; ++j) {
        float* ju = w_.jacobian_uw + j * W_;
        float* jw = w_.jacobian_uw + (N_ + j) * W_;
        if (j == i) {
          std::fill_n(ju, W_, 0.0F);
          std::fill_n(jw, W_, 0.0F);
          continue;
        }
        form_jacobian(e, i * N_ + j, pt.w2);
        matmul(w_.dq + j * T_ * W_, W_, T_, w_.jacobian, W_, W_, W_,
               [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
                 add_to(w_.dm + row * W_ + column, c0);
                 add_to(w_.dm + row * W_ + column + step, c1);
               });
        matmul(p.w_d2, W_, 2, w_.jacobian, W_, W_, W_,
               [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
                 store(c0, (row == 0 ? ju : jw) + column);
                 store(c1, (row == 0 ? ju : jw) + column + step);
               });
        for (size_t d = 0; d < D_; ++d) {
          const Vector change = all(2.0F * w_.r0[(i * N_ + j) * D_ + d]);
          for (size_t b = 0; b < W_; b += step) {
            const Vector term = hn::Mul(change, load(jw + b));
            add_to(w_.dm + (d * N_ + i) * W_ + b, term);
            float* other = w_.dm + (d * N_ + j) * W_ + b;
            store(hn::Sub(load(other), term), other);
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
      matmul(w_.dp, W_, T_, w_.jacobian_sum, W_, W_, W_,
             [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
               add_to(w_.dm + row * W_ + column, c0);
               add_to(w_.dm + row * W_ + column + step, c1);
             });
      // What is added beyond N rows is zero, as dd2 is there.
      for (size_t d = 0; d < D_; ++d) {
        add_outer(w_.dd2 + d * S_, D_ * S_, S_, w_.jacobian_uw, W_, W_, N_, w_.dm + d * N_ * W_, W_);
      }

      matmul(dh, W_, T_, pt.n1, W_, W_, W_, [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
        store(c0, w_.dp + row * W_ + column);
        store(c1, w_.dp + row * W_ + column + step);
      });
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

  /// J_ijᵀ = diag(s1) W2ᵀ diag(g s2) + ρ mᵀ.
  void form_jacobian(const Edges& e, size_t ij, const float* w2_t) const {
    const float* s1 = e.s1 + ij * W_;
    const float* s2 = e.s2 + ij * W_;
    const float* m = e.m + ij * W_;
    const float* rho = e.rho + ij * W_;
    for (size_t b = 0; b < W_; ++b) {
      const Vector slope = all(s1[b]), gate = all(rho[b]);
      for (size_t a = 0; a < W_; a += lanes()) {
        const Vector ungated = hn::Mul(hn::Mul(load(w2_t + b * W_ + a), load(s2 + a)), slope);
        store(hn::MulAdd(gate, load(m + a), ungated), w_.jacobian + b * W_ + a);
      }
    }
  }

  /// ∂x_i of the next layer into dx_next, and ∂d²_ij of this one.
  void advance_positions(const Edges& e, size_t i) const {
    const size_t step = lanes();
    HWY_ALIGN float phi[16];
    float* next = w_.dx_next + i * D_ * D_ * S_;
    const float* own = w_.dx + i * D_ * D_ * S_;
    std::copy_n(own, D_ * D_ * S_, next);
    for (size_t j = 0; j < N_; ++j) {
      const size_t ij = i * N_ + j;
      const float* r = e.r + ij * D_;
      const float* other = w_.dx + j * D_ * D_ * S_;
      for (size_t d = 0; d < D_; ++d) {
        for (size_t p = 0; p < S_; p += step) {
          Vector dd2 = hn::Zero(Floats());
          for (size_t c = 0; c < D_; ++c) {
            const size_t at = (c * D_ + d) * S_ + p;
            dd2 = hn::MulAdd(all(2.0F * r[c]), hn::Sub(load(own + at), load(other + at)), dd2);
          }
          store(dd2, w_.dd2 + (j * D_ + d) * S_ + p);
          for (size_t k = 0; k < step; ++k) {
            phi[k] = p + k < N_ ? w_.phi[(j * T_ + d * N_ + p + k) * wide_ + i] : 0.0F;
          }
          const Vector along = hn::MulAdd(all(e.alpha[ij]), dd2, hn::Mul(all(e.q[ij]), load(phi)));
          for (size_t c = 0; c < D_; ++c) {
            const size_t at = (c * D_ + d) * S_ + p;
            Vector sum = hn::MulAdd(all(r[c]), along, load(next + at));
            sum = hn::MulAdd(all(e.omega[ij]), hn::Sub(load(own + at), load(other + at)), sum);
            store(sum, next + at);
          }
        }
      }
      for (size_t c = 0; c < D_; ++c) {
        for (size_t d = 0; d < D_; ++d) {
          const float term = 2.0F * e.beta[ij] * r[c] * w_.r0[ij * D_ + d];
          next[(c * D_ + d) * S_ + i] += term;
          next[(c * D_ + d) * S_ + j] -= term;
        }
      }
    }
    for (size_t c = 0; c < D_; ++c) {
      for (size_t d = 0; d < D_; ++d) {
        for (size_t p = 0; p < N_; ++p) next[(c * D_ + d) * S_ + p] += w_.dp_x[(d * N_ + p) * D_ + c];
      }
    }
  }

  // ---- contraction ----

  /// x̄_i at [e][d][p] = ∂x^L_pd/∂x_ie at fixed h, and the last layer's directions r_pi at [d][p].
  void cotangents_of_positions(size_t i) const {
    const Edges& last = w_.last;
    std::fill_n(w_.cot_x, D_ * D_ * S_, 0.0F);
    std::fill_n(w_.direction, D_ * S_, 0.0F);
    for (size_t d = 0; d < D_; ++d) {
      for (size_t p = 0; p < N_; ++p) w_.direction[d * S_ + p] = last.r[(p * N_ + i) * D_ + d];
      for (size_t c = 0; c < D_; ++c) {
        float* row = w_.cot_x + (c * D_ + d) * S_;
        float own = c == d ? 1.0F : 0.0F;
        for (size_t p = 0; p < N_; ++p) {
          own += position_block(last, i * N_ + p, d, c);
          row[p] = -position_block(last, p * N_ + i, d, c);
        }
        row[i] = own;
      }
    }
  }

  /// Column c of particle i's cotangents: p = c along r_pi, but d = 0 of p = i for c = i; then d = 1 … D−1.
  size_t column_of_own(size_t i, size_t d) const { return d == 0 ? i : N_ + d - 1; }

  /// h̄ of particle i, one row a column, and dh_i contracted with the columns' directions.
  void cotangents_of_nodes(size_t last_layer, size_t i) const {
    const Edges& last = w_.last;
    const LayerArrays<const float> p = n_.layer(last_layer);
    const size_t step = lanes();
    matmul(last.lambda + i * W_, N_ * W_, N_, p.w1 + W_ * W_, W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             const Vector q = all(last.q[row * N_ + i]);
             store(hn::Mul(q, c0), w_.cot_h + row * W_ + column);
             store(hn::Mul(q, c1), w_.cot_h + row * W_ + column + step);
           });
    weighted_lambda(last, i, w_.rows_d);
    matmul(w_.rows_d, W_, D_, p.w1, W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             float* to = w_.cot_h + column_of_own(i, row) * W_ + column;
             store(c0, to);
             store(c1, to + step);
           });
    const float* dh = w_.dh + i * T_ * W_;
    for (size_t q = 0; q < N_; ++q) {
      if (q == i) continue;
      for (size_t b = 0; b < W_; b += step) {
        Vector sum = hn::Zero(Floats());
        for (size_t d = 0; d < D_; ++d) {
          sum = hn::MulAdd(all(w_.direction[d * S_ + q]), load(dh + (d * N_ + q) * W_ + b), sum);
        }
        store(sum, w_.h_along + q * W_ + b);
      }
    }
    for (size_t d = 0; d < D_; ++d) {
      std::copy_n(dh + (d * N_ + i) * W_, W_, w_.h_along + column_of_own(i, d) * W_);
    }
  }

  double contract(size_t last) const {
    const Edges& e = w_.last;
    double sum = -static_cast<double>(T_);
    for (size_t ij = 0; ij < N_ * N_; ++ij) {
      for (size_t d = 0; d < D_; ++d) {
        sum += static_cast<double>(2.0F * e.beta[ij] * e.r[ij * D_ + d] * w_.r0[ij * D_ + d]);
      }
    }
    if (last > 1) apply_b(last - 1);
    for (size_t i = 0; i < N_; ++i) {
      cotangents_of_positions(i);
      cotangents_of_nodes(last, i);
      if (last == 1) {
        sum += static_cast<double>(dot(w_.cot_x, w_.dx + i * D_ * D_ * S_, D_ * D_ * S_) +
                                   dot(w_.cot_h, w_.h_along, (N_ + D_ - 1) * W_));
      } else {
        sum += static_cast<double>(contract_positions(last - 1, i) + contract_nodes(last - 1, i));
      }
    }
    if (last > 1) sum += static_cast<double>(contract_theta());
    return sum;
  }

  static float dot(const float* a, const float* b, size_t count) {
    Vector sum = hn::Zero(Floats());
    for (size_t k = 0; k < count; k += lanes()) sum = hn::MulAdd(load(a + k), load(b + k), sum);
    return sum_of(sum);
  }

  /// Σ_k x̄_ik · ẋ_ik after layer l, without q λ·B ḣ_j, whose cotangent goes to θ. Leaves ∂d²_ij, and the same
  /// along the directions.
  float contract_positions(size_t l, size_t i) const {
    const Edges& e = w_.layer;
    const size_t step = lanes();
    const float* own = w_.dx + i * D_ * D_ * S_;
    Vector sum = hn::Zero(Floats());
    float rest = 0;
    for (size_t k = 0; k < D_ * D_ * S_; k += step) sum = hn::MulAdd(load(w_.cot_x + k), load(own + k), sum);
    for (size_t j = 0; j < N_; ++j) {
      const size_t ij = i * N_ + j;
      const float* r = e.r + ij * D_;
      const float* other = w_.dx + j * D_ * D_ * S_;
      float* theta = w_.theta + (j * N_ + i) * D_ * S_;
      for (size_t p = 0; p < S_; p += step) {
        Vector dd2_along = hn::Zero(Floats());
        for (size_t d = 0; d < D_; ++d) {
          Vector dd2 = hn::Zero(Floats()), cot_along = hn::Zero(Floats()), same = hn::Zero(Floats());
          for (size_t c = 0; c < D_; ++c) {
            const size_t at = (c * D_ + d) * S_ + p;
            const Vector difference = hn::Sub(load(own + at), load(other + at));
            const Vector cot = load(w_.cot_x + at);
            dd2 = hn::MulAdd(all(2.0F * r[c]), difference, dd2);
            cot_along = hn::MulAdd(all(r[c]), cot, cot_along);
            same = hn::MulAdd(cot, difference, same);
          }
          store(dd2, w_.dd2 + (j * D_ + d) * S_ + p);
          store(hn::Mul(all(e.q[ij]), cot_along), theta + d * S_ + p);
          dd2_along = hn::MulAdd(dd2, load(w_.direction + d * S_ + p), dd2_along);
          sum = hn::MulAdd(all(e.omega[ij]), same, sum);
          sum = hn::MulAdd(hn::Mul(all(e.alpha[ij]), cot_along), dd2, sum);
        }
        store(dd2_along, w_.dd2_along + j * S_ + p);
      }
      // ∂d²_input is 2 r⁰ for p = i and −2 r⁰ for p = j.
      for (size_t d = 0; d < D_; ++d) {
        float difference = 0;
        for (size_t c = 0; c < D_; ++c) {
          const float* row = w_.cot_x + (c * D_ + d) * S_;
          difference += r[c] * (row[i] - row[j]);
        }
        rest += 2.0F * e.beta[ij] * w_.r0[ij * D_ + d] * difference;
      }
    }
    // q λ·A ḣ_i: Σ_j q r_ij λ_ij against A Σ_k x̄_ik ḣ_ik
    float* weighted = w_.rows_d + D_ * W_;
    weighted_lambda(e, i, w_.rows_d);
    for (size_t c = 0; c < D_; ++c) {
      for (size_t b = 0; b < W_; b += step) {
        Vector h = hn::Zero(Floats());
        for (size_t d = 0; d < D_; ++d) {
          const float* rows = w_.dh + (i * T_ + d * N_) * W_ + b;
          const float* cot = w_.cot_x + (c * D_ + d) * S_;
          for (size_t p = 0; p < N_; ++p) h = hn::MulAdd(all(cot[p]), load(rows + p * W_), h);
        }
        store(h, weighted + c * W_ + b);
      }
    }
    matmul(weighted, W_, D_, n_.transposes(l).w1, 2 * W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             const float* lambda = w_.rows_d + row * W_ + column;
             sum = hn::MulAdd(c0, load(lambda), sum);
             sum = hn::MulAdd(c1, load(lambda + step), sum);
           });
    return sum_of(sum) + rest;
  }

  /// Σ_j Σ_k θ_ijk λ_ij·B ḣ_jk of all edges.
  float contract_theta() const {
    const Edges& e = w_.layer;
    float total = 0;
    for (size_t j = 0; j < N_; ++j) {
      Vector sum = hn::Zero(Floats());
      for (size_t d = 0; d < D_; ++d) {
        matmul(w_.theta + j * N_ * D_ * S_ + d * S_, D_ * S_, N_, w_.dq + (j * T_ + d * N_) * W_, W_, N_, W_,
               [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
                 const float* lambda = e.lambda + (row * N_ + j) * W_ + column;
                 sum = hn::MulAdd(c0, load(lambda), sum);
                 sum = hn::MulAdd(c1, load(lambda + lanes()), sum);
               });
      }
      total += sum_of(sum);
    }
    return total;
  }

  /// Section 5: h̄ through the node network of layer l, against the tangents of its messages.
  float contract_nodes(size_t l, size_t i) const {
    const Edges& e = w_.layer;
    const LayerArrays<const float> p = n_.layer(l);
    const LayerTransposes pt = n_.transposes(l);
    const size_t step = lanes();
    const size_t columns = N_ + D_ - 1;
    Vector sum = hn::Zero(Floats());
    for (size_t k = 0; k < columns * W_; k += step) {
      sum = hn::MulAdd(load(w_.cot_h + k), load(w_.h_along + k), sum);
    }
    matmul(w_.cot_h, W_, columns, p.n2, W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             float* to = w_.cot_inner + row * W_ + column;
             store(hn::Mul(c0, load(e.sigma + i * W_ + column)), to);
             store(hn::Mul(c1, load(e.sigma + i * W_ + column + step)), to + step);
           });
    matmul(w_.cot_inner, W_, columns, p.n1, 2 * W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             const float* h = w_.h_along + row * W_ + column;
             sum = hn::MulAdd(c0, load(h), sum);
             sum = hn::MulAdd(c1, load(h + step), sum);
           });
    matmul(w_.cot_inner, W_, columns, p.n1 + W_, 2 * W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             store(c0, w_.kappa + row * W_ + column);
             store(c1, w_.kappa + row * W_ + column + step);
           });
    matmul(w_.h_along, W_, columns, pt.w1, 2 * W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             store(c0, w_.p_along + row * W_ + column);
             store(c1, w_.p_along + row * W_ + column + step);
           });
    // χ_jc = m_ij·κ_c
    for (size_t b = 0; b < W_; ++b) {
      float* row = w_.kappa_t + b * wide_;
      for (size_t c = 0; c < columns; ++c) row[c] = w_.kappa[c * W_ + b];
      std::fill(row + columns, row + wide_, 0.0F);
    }
    matmul(e.m + i * N_ * W_, W_, N_, w_.kappa_t, wide_, W_, wide_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             store(c0, w_.chi + row * wide_ + column);
             store(c1, w_.chi + row * wide_ + column + step);
           });

    float total = sum_of(sum);
    for (size_t j = 0; j < N_; ++j) {
      if (j == i) continue;
      total += contract_edge(l, i, j);
    }
    return total;
  }

  /// Σ_c κ_c·J_ij ė_c, where ė_c = A ḣ_i + B ḣ_j + u ∂d² + w ∂d²_input along column c.
  float contract_edge(size_t l, size_t i, size_t j) const {
    const Edges& e = w_.layer;
    const LayerArrays<const float> p = n_.layer(l);
    const size_t step = lanes();
    const size_t ij = i * N_ + j;
    const float* dq = w_.dq + j * T_ * W_;
    const float* chi = w_.chi + j * wide_;
    const float* r0 = w_.r0 + ij * D_;
    Vector gate = hn::Zero(Floats());
    for (size_t b = 0; b < W_; b += step) {
      const Vector s1 = load(e.s1 + ij * W_ + b);
      const Vector u = load(p.w_d2 + b), w = load(p.w_d2_in + b);
      Vector gated = hn::Zero(Floats());
      const auto put = [&](size_t c, Vector change) HWY_ATTR {
        change = hn::Mul(s1, change);
        gated = hn::MulAdd(all(chi[c]), change, gated);
        store(change, w_.columns + c * W_ + b);
      };
      for (size_t c = 0; c < N_; ++c) {
        if (c == i) continue;
        Vector change = load(w_.p_along + c * W_ + b);
        for (size_t d = 0; d < D_; ++d) {
          change = hn::MulAdd(all(w_.direction[d * S_ + c]), load(dq + (d * N_ + c) * W_ + b), change);
        }
        change = hn::MulAdd(u, all(w_.dd2_along[j * S_ + c]), change);
        if (c == j) {
          float dd2_input = 0;
          for (size_t d = 0; d < D_; ++d) dd2_input -= 2.0F * r0[d] * w_.direction[d * S_ + j];
          change = hn::MulAdd(w, all(dd2_input), change);
        }
        put(c, change);
      }
      for (size_t d = 0; d < D_; ++d) {
        const size_t c = column_of_own(i, d);
        Vector change = hn::Add(load(w_.p_along + c * W_ + b), load(dq + (d * N_ + i) * W_ + b));
        change = hn::MulAdd(u, all(w_.dd2[(j * D_ + d) * S_ + i]), change);
        change = hn::MulAdd(w, all(2.0F * r0[d]), change);
        put(c, change);
      }
      gate = hn::MulAdd(gated, load(e.rho + ij * W_ + b), gate);
    }
    matmul(w_.columns, W_, N_ + D_ - 1, n_.transposes(l).w2, W_, W_, W_,
           [&](size_t row, size_t column, Vector c0, Vector c1) HWY_ATTR {
             const float* kappa = w_.kappa + row * W_ + column;
             const float* s2 = e.s2 + ij * W_ + column;
             gate = hn::MulAdd(hn::Mul(c0, load(s2)), load(kappa), gate);
             gate = hn::MulAdd(hn::Mul(c1, load(s2 + step)), load(kappa + step), gate);
           });
    return sum_of(gate);
  }
};

double velocity_and_divergence_here(const Network& network, float t, std::span<const float> x,
                                    std::span<float> v, DivergenceWorkspace& workspace) {
  return Divergence(network, workspace).run(t, x, v);
}

}  // namespace
}  // namespace equibolt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace equibolt {

HWY_EXPORT(velocity_and_divergence_here);

namespace cpu {

DivergenceWorkspace::DivergenceWorkspace(const Network& network)
    : particles(network.particles()),
      dim(network.dim()),
      width(network.width()),
      stride(padded(network.particles(), lane_multiple)),
      wide_stride(padded(network.particles() + network.dim(), width_multiple)) {
  for (const Segment& segment : network.first_edges().segments) {
    for (std::size_t c = 0; c < segment.count; ++c) {
      first_edges.push_back({segment.i, segment.j + c, segment.mirrored});
    }
  }
  for (const Segment& segment : network.edges().segments) {
    for (std::size_t c = 0; c < segment.count; ++c) edges.push_back({segment.i, segment.j + c, false});
  }

  const std::size_t n = particles, d = dim, w = width, s = stride, t = n * d, rows = n * n;
  const auto lay_out = [&](const auto& take) {
    for (Edges* e : {&layer, &last}) {
      for (float** array : {&e->s1, &e->s2, &e->m, &e->rho, &e->lambda}) *array = take(rows * w);
      e->r = take(rows * d);
      for (float** array : {&e->d2, &e->q, &e->omega, &e->alpha, &e->beta}) *array = take(rows);
      e->sigma = take(n * w);
    }
    for (float** array : {&x, &u}) *array = take(t);
    r0 = take(rows * d);
    d2_input = take(rows);
    node_input = take(2 * n * w);
    node_hidden = take(n * w);
    pq = take(2 * n * w);
    mu = take(rows * w);
    for (float** array : {&dx, &dx_next}) *array = take(n * d * d * s);
    for (float** array : {&dh, &dq}) *array = take(n * t * w);
    phi = take(n * t * wide_stride);
    lambda_t = take(w * wide_stride);
    theta = take(rows * d * s);
    dp = take(t * w);
    dp_x = take(t * d);
    dm = take((t + s) * w);
    dd2 = take(n * d * s);
    for (float** array : {&jacobian, &jacobian_sum}) *array = take(w * w);
    jacobian_uw = take(2 * n * w);
    cot_x = take(d * d * s);
    direction = take(d * s);
    dd2_along = take(n * s);
    for (float** array : {&cot_h, &cot_inner, &kappa, &h_along, &p_along, &columns})
      *array = take((n + d) * w);
    kappa_t = take(w * wide_stride);
    chi = take(n * wide_stride);
    rows_d = take(2 * d * w);
    for (float** array : {&tile_a, &tile_b, &tile_m, &tile_s}) *array = take(2 * tile_rows * w);
    for (float** array : {&partial, &partial_b}) *array = take(2 * tile_rows * lane_multiple);
    for (float** array : {&sums, &sums_b, &gate}) *array = take(2 * tile_rows);
  };
  lay_out([this](std::size_t count) -> float* {
    size += padded(count, lane_multiple);
    return nullptr;
  });
  memory = hwy::AllocateAligned<float>(size);
  float* next = memory.get();
  lay_out([&next](std::size_t count) {
    float* const taken = next;
    next += padded(count, lane_multiple);
    return taken;
  });
  std::fill_n(memory.get(), size, std::nanf(""));
}

double velocity_and_divergence(const Network& network, float t, std::span<const float> x, std::span<float> v,
                               DivergenceWorkspace& workspace) {
  assert(x.size() == workspace.particles * workspace.dim && v.size() == x.size());
  return HWY_DYNAMIC_DISPATCH(velocity_and_divergence_here)(network, t, x, v, workspace);
}

}  // namespace cpu
}  // namespace equibolt
#endif
