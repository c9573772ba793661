#include "train/muon.h"

#include <algorithm>
#include <cmath>

// clang-format off
#include "egnn/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "train/muon.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "egnn/matmul-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace equibolt::HWY_NAMESPACE {

/// x (rows, width) becomes near to orthogonal in its columns: each iteration of Newton and Schulz takes the
/// singular values s to 3.4445 s − 4.7750 s³ + 2.0315 s⁵, five of them all that are above 10⁻² or so to
/// between 0.7 and 1.2 (Jordan et al.). |x| ≤ 1; `width` is a multiple of 32. The result is in x or in y: in
/// what is returned.
float* orthogonalise(float* x, float* y, std::size_t rows, std::size_t width, float* square,
                     float* polynomial) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  const auto to = [&](float* matrix, const float* from, float own, float product) {
    return [=](std::size_t row, std::size_t column, Vector c0, Vector c1) HWY_ATTR {
      const std::size_t at = row * width + column;
      const Vector a = hn::Set(d, own), b = hn::Set(d, product);
      hn::Store(hn::MulAdd(a, hn::Load(d, from + at), hn::Mul(b, c0)), d, matrix + at);
      hn::Store(hn::MulAdd(a, hn::Load(d, from + at + lanes), hn::Mul(b, c1)), d, matrix + at + lanes);
    };
  };
  for (int iteration = 0; iteration < 5; ++iteration) {
    std::fill_n(square, width * width, 0.0F);
    add_outer(x, width, width, x, width, width, rows, square, width);
    matmul(square, width, width, square, width, width, width, to(polynomial, square, -4.7750F, 2.0315F));
    matmul(x, width, rows, polynomial, width, width, width, to(y, x, 3.4445F, 1));
    std::swap(x, y);
  }
  return x;
}

}  // namespace equibolt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace equibolt {
namespace {

HWY_EXPORT(orthogonalise);

std::size_t padded(std::size_t size) {
  return (size + 31) / 32 * 32;
}

}  // namespace

Muon::Muon(const Architecture& architecture, ThreadPool& pool) : pool_(pool), scratch_(pool.size()) {
  const ParameterLayout layout(architecture);
  std::size_t largest = 0, widest = 0;
  for (const ParameterLayout::Array& array : layout.arrays()) {
    const auto [width, rows] = std::minmax(array.rows, array.columns);
    const bool matrix = width > 1 && !array.name.starts_with("embedding");
    (matrix ? matrices_ : others_).push_back(array);
    if (!matrix) continue;
    largest = std::max(largest, rows * padded(width));
    widest = std::max(widest, padded(width));
  }
  for (Scratch& scratch : scratch_) {
    for (auto* x : {&scratch.x, &scratch.y}) *x = allocate_aligned<float>(largest);
    for (auto* x : {&scratch.square, &scratch.polynomial}) *x = allocate_aligned<float>(widest * widest);
  }
}

void Muon::step(const AdamOptions& adam, double rate, std::span<const float> gradient, AdamState& state,
                std::span<float> parameters) {
  ++state.steps;
  for (const ParameterLayout::Array& array : others_) {
    adam_update(adam, rate, gradient, state, array.offset, array.size(), parameters);
  }
  pool_.for_chunks(matrices_.size(), 1, [&](const ThreadPool::Chunk& chunk) {
    step_matrix(matrices_[chunk.first], rate, adam.weight_decay, gradient, state, parameters,
                scratch_[chunk.worker]);
  });
}

void Muon::step_matrix(const ParameterLayout::Array& matrix, double rate, double decay,
                       std::span<const float> gradient, AdamState& state, std::span<float> parameters,
                       Scratch& scratch) const {
  const std::span<const float> g = gradient.subspan(matrix.offset, matrix.size());
  const std::span<float> m = std::span(state.first).subspan(matrix.offset, matrix.size());
  const std::span<float> w = parameters.subspan(matrix.offset, matrix.size());
  const auto [short_side, rows] = std::minmax(matrix.rows, matrix.columns);
  const std::size_t width = padded(short_side);
  // Entry k as it lies in the matrix with the longer side downwards.
  const bool transpose = matrix.columns > matrix.rows;
  const auto place = [&](std::size_t k) {
    const std::size_t row = k / matrix.columns, column = k % matrix.columns;
    return transpose ? column * width + row : row * width + column;
  };
  constexpr auto beta = static_cast<float>(momentum);
  std::fill_n(scratch.x.get(), rows * width, 0.0F);
  double square = 0;
  for (std::size_t k = 0; k < m.size(); ++k) {
    m[k] = beta * m[k] + (1 - beta) * g[k];
    const float ahead = beta * m[k] + (1 - beta) * g[k];
    square += static_cast<double>(ahead) * static_cast<double>(ahead);
    scratch.x[place(k)] = ahead;
  }
  if (!(square > 1e-60)) return;  // no direction: scale would not be a float32
  const auto scale = static_cast<float>(1 / std::sqrt(square));
  for (std::size_t k = 0; k < rows * width; ++k) scratch.x[k] *= scale;
  const float* const direction = HWY_DYNAMIC_DISPATCH(orthogonalise)(
      scratch.x.get(), scratch.y.get(), rows, width, scratch.square.get(), scratch.polynomial.get());
  const auto length = static_cast<float>(rate * 0.2 * std::sqrt(static_cast<double>(rows)));
  const auto keep = static_cast<float>(1 - rate * decay);
  for (std::size_t k = 0; k < w.size(); ++k) w[k] = keep * w[k] - length * direction[place(k)];
}

}  // namespace equibolt
#endif  // HWY_ONCE
