#include "transport/pair_search.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transport/pair_search.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "transport/alignment.h"
#include "transport/assignment-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equibolt {
namespace HWY_NAMESPACE {

/// c_ij = −x1_i · x0_j: |x0_j − x1_i|² / 2 less what no permutation changes.
void fill_costs(PairSearch::Group& group, const float* x1, std::size_t dim, std::size_t width) {
  const hn::ScalableTag<float> d;
  const std::size_t stride = group.work.stride;
  for (std::size_t i = 0; i < group.count; ++i) {
    float* row = group.work.cost.get() + i * stride;
    for (std::size_t j = 0; j < group.count; j += hn::Lanes(d)) {
      auto cost = hn::Zero(d);
      for (std::size_t k = 0; k < dim; ++k) {
        cost = hn::NegMulAdd(hn::Set(d, x1[i * width + k]), hn::Load(d, group.prior.get() + k * stride + j),
                             cost);
      }
      hn::Store(cost, d, row + j);
    }
  }
}

/// The start of the next search: a running mean of the optimal duals found so far. Duals are free up to a
/// constant; that of column 0 is made zero.
void learn_duals(PairSearch::Group& group, std::size_t searches) {
  const hn::ScalableTag<float> d;
  const float* v = group.work.column_duals.get();
  const auto shift = hn::Set(d, v[0]);
  // The mean settles within a few searches; a bounded memory keeps the early ones from spoiling it.
  const auto weight = hn::Set(d, 1.0F / static_cast<float>(std::min<std::size_t>(searches + 1, 16)));
  for (std::size_t j = 0; j < group.count; j += hn::Lanes(d)) {
    const auto mean = hn::Load(d, group.mean_duals.get() + j);
    const auto found = hn::Sub(hn::Load(d, v + j), shift);
    hn::Store(hn::MulAdd(weight, hn::Sub(found, mean), mean), d, group.mean_duals.get() + j);
  }
}

/// Where a search for the duals starts.
enum class Start { columns, mean, last };

void permute(const PairSearch::View& s, const float* x1, Start start) {
  for (PairSearch::Group& group : s.groups) {
    const auto first = static_cast<std::int32_t>(group.first);
    if (group.count == 1) {
      s.target[first] = first;
      continue;
    }
    fill_costs(group, x1 + group.first * s.width, s.dim, s.width);
    if (start == Start::mean) {
      std::copy_n(group.mean_duals.get(), group.count, group.work.column_duals.get());
    }
    solve_in_lanes(group.work, start != Start::columns);
    for (std::size_t i = 0; i < group.count; ++i) {
      s.target[group.first + i] = first + group.work.column_of_row[i];
    }
  }
}

/// M of the permuted x1, at stride from one element to the next.
void overlap(const PairSearch::View& s, const float* x1, double* out, std::size_t stride) {
  if (s.dim == 3) {
    float m[3][4] = {};
    for (std::size_t i = 0; i < s.particles; ++i) {
      const float* x0 = s.prior + 4 * s.target[i];
      for (std::size_t k = 0; k < 3; ++k) {
        for (std::size_t l = 0; l < 4; ++l) m[k][l] += x0[k] * x1[4 * i + l];
      }
    }
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t l = 0; l < 3; ++l) out[(3 * k + l) * stride] = static_cast<double>(m[k][l]);
    }
    return;
  }
  for (std::size_t k = 0; k < s.dim; ++k) {
    for (std::size_t l = 0; l < s.dim; ++l) {
      double sum = 0;
      for (std::size_t i = 0; i < s.particles; ++i) {
        const float* x0 = s.prior + static_cast<std::size_t>(s.target[i]) * s.width;
        sum += static_cast<double>(x0[k]) * static_cast<double>(x1[i * s.width + l]);
      }
      out[(k * s.dim + l) * stride] = sum;
    }
  }
}

void search_all(const PairSearch::View& s, const float* x1, std::size_t count, std::size_t searches,
                double* overlaps, std::size_t stride) {
  for (std::size_t b = 0; b < count; ++b, ++searches, x1 += s.particles * s.width) {
    permute(s, x1, searches == 0 ? Start::columns : Start::mean);
    for (PairSearch::Group& group : s.groups) learn_duals(group, searches);
    overlap(s, x1, overlaps + b, stride);
  }
}

void search_again(const PairSearch::View& s, const float* x1, double* out) {
  permute(s, x1, Start::last);
  overlap(s, x1, out, 1);
}

/// σ1 + σ2 ± σ3 with the sign of det M (or +) is the largest root of λ⁴ + c2 λ² + c1 λ + c0, found by
/// Newton's method from above as in alignment.cc, one overlap per lane. NaN where it meets another root,
/// which costs too many digits.
void best_gains(const double* m, std::size_t stride, bool reflections, double* gain) {
  const hn::ScalableTag<double> d;
  using V = hn::Vec<decltype(d)>;
  const V zero = hn::Zero(d);
  for (std::size_t b = 0; b < stride; b += hn::Lanes(d)) {
    const auto at = [&](std::size_t k) { return hn::LoadU(d, m + k * stride + b); };
    const V xx = at(0), xy = at(1), xz = at(2), yx = at(3), yy = at(4), yz = at(5), zx = at(6), zy = at(7),
            zz = at(8);
    const auto dot = [&](V a0, V a1, V b0, V b1, V c0, V c1) {
      return hn::MulAdd(a0, a1, hn::MulAdd(b0, b1, hn::Mul(c0, c1)));
    };
    const auto minor = [&](V a, V b1, V c, V e) { return hn::MulSub(a, b1, hn::Mul(c, e)); };
    V det = dot(xx, minor(yy, zz, yz, zy), xy, minor(yz, zx, yx, zz), xz, minor(yx, zy, yy, zx));
    if (reflections) det = hn::Abs(det);
    const V s00 = dot(xx, xx, yx, yx, zx, zx), s11 = dot(xy, xy, yy, yy, zy, zy),
            s22 = dot(xz, xz, yz, yz, zz, zz);
    const V s01 = dot(xx, xy, yx, yy, zx, zy), s02 = dot(xx, xz, yx, yz, zx, zz),
            s12 = dot(xy, xz, yy, yz, zy, zz);
    const V trace = hn::Add(hn::Add(s00, s11), s22);
    const V off = dot(s01, s01, s02, s02, s12, s12);
    const V of_square = hn::MulAdd(hn::Set(d, 2.0), off, dot(s00, s00, s11, s11, s22, s22));
    const V c2 = hn::Mul(hn::Set(d, -2.0), trace);
    const V c1 = hn::Mul(hn::Set(d, -8.0), det);
    const V c0 = hn::NegMulAdd(trace, trace, hn::Add(of_square, of_square));

    V lambda = hn::Sqrt(hn::Mul(hn::Set(d, 3.0), trace));
    V slope = zero;
    for (int step = 0; step < 60; ++step) {
      const V square = hn::Mul(lambda, lambda);
      const V value = hn::MulAdd(hn::MulAdd(hn::Add(square, c2), lambda, c1), lambda, c0);
      slope = hn::MulAdd(hn::MulAdd(hn::Set(d, 4.0), square, hn::Add(c2, c2)), lambda, c1);
      const V change = hn::IfThenElse(hn::Gt(slope, zero), hn::Div(value, slope), zero);
      const auto falling = hn::Gt(change, hn::Mul(hn::Set(d, 1e-12), lambda));
      lambda = hn::Sub(lambda, hn::IfThenElseZero(falling, change));
      if (hn::AllFalse(d, falling)) break;
    }
    const auto simple_root = hn::Gt(slope, hn::Mul(hn::Set(d, 1e-5), hn::Mul(trace, hn::Sqrt(trace))));
    hn::StoreU(hn::IfThenElse(simple_root, lambda, hn::NaN(d)), d, gain + b);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace equibolt
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace equibolt {
namespace {

HWY_EXPORT(search_all);
HWY_EXPORT(search_again);
HWY_EXPORT(best_gains);

}  // namespace

PairSearch::PairSearch(const ParticleTypes& types, std::size_t dim)
    : dim_(dim), width_((dim + 3) / 4 * 4), target_(types.size()) {
  for (const auto& members : groups_of(types)) {
    Group group{order_.size(), members.size(), {}, {}, {}};
    group.work.prepare(group.count);
    group.prior = allocate_aligned<float>(dim * group.work.stride);
    std::fill_n(group.prior.get(), dim * group.work.stride, 0.0F);
    group.mean_duals = allocate_aligned<float>(group.work.stride);
    groups_.push_back(std::move(group));
    order_.insert(order_.end(), members.begin(), members.end());
  }
  prior_.resize(order_.size() * width_);
}

void PairSearch::pack(std::span<const float> x, std::span<float> packed) const {
  for (std::size_t i = 0; i < order_.size(); ++i) {
    std::copy_n(&x[order_[i] * dim_], dim_, &packed[i * width_]);
    std::fill_n(&packed[i * width_ + dim_], width_ - dim_, 0.0F);
  }
}

void PairSearch::unpack(std::span<const float> packed, std::span<float> x) const {
  for (std::size_t i = 0; i < order_.size(); ++i)
    std::copy_n(&packed[i * width_], dim_, &x[order_[i] * dim_]);
}

void PairSearch::set_prior(std::span<const float> packed) {
  std::copy(packed.begin(), packed.end(), prior_.begin());
  for (Group& group : groups_) {
    for (std::size_t i = 0; i < group.count; ++i) {
      for (std::size_t k = 0; k < dim_; ++k) {
        group.prior[k * group.work.stride + i] = packed[(group.first + i) * width_ + k];
      }
    }
  }
  for (Group& group : groups_) std::fill_n(group.mean_duals.get(), group.work.stride, 0.0F);
  searches_ = 0;
}

PairSearch::View PairSearch::view() {
  return {dim_, width_, order_.size(), groups_, prior_.data(), target_.data()};
}

void PairSearch::overlaps(const float* x1, std::size_t count, double* overlaps, std::size_t stride) {
  HWY_DYNAMIC_DISPATCH(search_all)(view(), x1, count, searches_, overlaps, stride);
  searches_ += count;
}

void PairSearch::overlap_again(const float* x1, double* overlap) {
  HWY_DYNAMIC_DISPATCH(search_again)(view(), x1, overlap);
}

void best_gains_3d(const double* overlaps, std::size_t count, std::size_t stride, bool reflections,
                   double* gain) {
  HWY_DYNAMIC_DISPATCH(best_gains)(overlaps, stride, reflections, gain);
  for (std::size_t b = 0; b < count; ++b) {
    if (!std::isnan(gain[b])) continue;
    std::array<double, 9> overlap, rotation;
    for (std::size_t k = 0; k < 9; ++k) overlap[k] = overlaps[k * stride + b];
    gain[b] = optimal_rotation_svd(overlap, 3, reflections, rotation);
  }
}

}  // namespace equibolt
#endif
