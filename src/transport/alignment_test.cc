#include "transport/alignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/geometry.h"
#include "core/random.h"
#include "equibolt/configurations.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

using Vector = std::vector<double>;

double determinant(Vector a, std::size_t n) {
  double det = 1;
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i) {
      if (std::abs(a[i * n + k]) > std::abs(a[pivot * n + k])) pivot = i;
    }
    if (pivot != k) {
      for (std::size_t l = 0; l < n; ++l) std::swap(a[k * n + l], a[pivot * n + l]);
      det = -det;
    }
    det *= a[k * n + k];
    for (std::size_t i = k + 1; i < n && a[k * n + k] != 0; ++i) {
      const double factor = a[i * n + k] / a[k * n + k];
      for (std::size_t l = k; l < n; ++l) a[i * n + l] -= factor * a[k * n + l];
    }
  }
  return det;
}

/// Largest deviation of RᵀR from 1.
double not_orthogonal(const Vector& r, std::size_t n) {
  double most = 0;
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t l = 0; l < n; ++l) {
      double dot = k == l ? -1 : 0;
      for (std::size_t i = 0; i < n; ++i) dot += r[i * n + k] * r[i * n + l];
      if (!(std::abs(dot) <= most)) most = std::abs(dot);
    }
  }
  return most;
}

double gain(const Vector& r, const Vector& m) {
  double sum = 0;
  for (std::size_t k = 0; k < m.size(); ++k) sum += r[k] * m[k];
  return sum;
}

double norm(const Vector& m) {
  return std::sqrt(gain(m, m));
}

Vector product(const Vector& a, const Vector& b, std::size_t n) {
  Vector c(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) {
      for (std::size_t j = 0; j < n; ++j) c[i * n + j] += a[i * n + k] * b[k * n + j];
    }
  }
  return c;
}

/// R must be orthogonal, of the determinant asked for, of the gain returned, and as good as the best by SVD.
void expect_optimal(const Vector& m, std::size_t dim, bool reflections) {
  Vector r(dim * dim), by_svd(dim * dim);
  const double found = optimal_rotation(m, dim, reflections, r);
  const double best = optimal_rotation_svd(m, dim, reflections, by_svd);
  const double scale = norm(m);
  EXPECT_TRUE(not_orthogonal(r, dim) <= 1e-14 * static_cast<double>(dim)) << not_orthogonal(r, dim);
  if (!reflections) {
    EXPECT_NEAR(determinant(r, dim), 1, 1e-13);
  }
  EXPECT_TRUE(std::abs(found - gain(r, m)) <= 1e-14 * scale) << found - gain(r, m);
  EXPECT_TRUE(std::abs(found - best) <= 2e-14 * scale) << (found - best) / scale;
}

Vector random_matrix(Random& random, std::size_t dim) {
  Vector m(dim * dim);
  for (double& value : m) value = random.normal();
  return m;
}

TEST(Alignment, EqualsSvdForRandomOverlaps) {
  for (std::size_t dim = 1; dim <= 6; ++dim) {
    for (std::uint64_t sample = 0; sample < 300; ++sample) {
      Random random(1, Stream::test, dim, sample);
      Vector m = random_matrix(random, dim);
      const double scale = std::exp(10 * random.normal());
      for (double& value : m) value *= scale;
      for (const bool reflections : {false, true}) expect_optimal(m, dim, reflections);
    }
  }
}

/// M = U diag(σ) Vᵀ with every kind of coincidence among the singular values, both signs of the determinant.
TEST(Alignment, EqualsSvdForDegenerateOverlaps) {
  const std::vector<Vector> cases = {{0, 0, 0},       {1, 0, 0},        {1, 1, 0},      {1, 1, 1},
                                     {2, 1, 1},       {2, 2, 1},        {1, 1e-9, 0},   {1, 1e-5, 1e-5},
                                     {1, 1e-3, 1e-3}, {1, 1, 1 - 1e-8}, {1, 1e-160, 0}, {5, 3, 3 + 1e-7}};
  for (const Vector& singular : cases) {
    for (std::uint64_t sample = 0; sample < 40; ++sample) {
      Random random(2, Stream::test, 0, sample);
      const Vector u = random_rotation(random, 3, true);
      const Vector v = random_rotation(random, 3, true);
      const Vector m =
          product(product(u, {singular[0], 0, 0, 0, singular[1], 0, 0, 0, singular[2]}, 3), v, 3);
      for (const bool reflections : {false, true}) expect_optimal(m, 3, reflections);
    }
  }
  for (const Vector& m : {Vector{1, 0, 0, 0}, Vector{0, 0, 0, 0}, Vector{1, 0, 0, -1}, Vector{0, 1, 1, 0}}) {
    for (const bool reflections : {false, true}) expect_optimal(m, 2, reflections);
  }
}

TEST(Alignment, ExtremeScalesNeitherOverflowNorVanish) {
  Random random(3, Stream::test);
  const Vector m = random_matrix(random, 3);
  for (const double scale : {1e-300, 1e-160, 1e160, 1e300}) {
    Vector scaled = m;
    for (double& value : scaled) value *= scale;
    Vector r(9), expected(9);
    optimal_rotation(m, 3, false, expected);
    optimal_rotation(scaled, 3, false, r);
    for (std::size_t k = 0; k < 9; ++k) EXPECT_NEAR(r[k], expected[k], 1e-12);
  }
  Vector r(9);
  Vector bad = m;
  bad[4] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(optimal_rotation(bad, 3, false, r), NumericalError);
}

TEST(Alignment, FindsTheRotationThatWasApplied) {
  for (std::size_t dim = 2; dim <= 5; ++dim) {
    for (std::uint64_t sample = 0; sample < 50; ++sample) {
      Random random(4, Stream::test, dim, sample);
      Vector x(8 * dim);
      mean_free_normal(random, std::span(x), dim);
      const bool mirrored = sample % 2 == 1;
      Vector r = random_rotation(random, dim);
      if (mirrored) {
        for (std::size_t k = 0; k < dim; ++k) r[k] = -r[k];
      }
      Vector y = x;
      rotate(std::span(y), std::span<const double>(r), dim);
      Vector back = y;
      EXPECT_NEAR(align<double>(x, back, dim, mirrored), 0, 1e-20);
      for (std::size_t k = 0; k < x.size(); ++k) EXPECT_NEAR(back[k], x[k], 1e-12);
      if (mirrored) {  // a proper rotation cannot undo it
        EXPECT_GT(align<double>(x, y, dim, false), 1e-3);
      }
    }
  }
}

TEST(Alignment, NoSmallRotationDoesBetter) {
  for (std::size_t dim = 2; dim <= 4; ++dim) {
    for (std::uint64_t sample = 0; sample < 100; ++sample) {
      Random random(5, Stream::test, dim, sample);
      Vector x0(7 * dim), x1(7 * dim);
      mean_free_normal(random, std::span(x0), dim);
      mean_free_normal(random, std::span(x1), dim);
      const double best = align<double>(x0, x1, dim);
      const std::size_t k = random.below(dim);
      const std::size_t l = (k + 1 + random.below(dim - 1)) % dim;
      const double angle = 1e-3 * random.normal();
      Vector r(dim * dim);
      for (std::size_t i = 0; i < dim; ++i) r[i * dim + i] = 1;
      r[k * dim + k] = r[l * dim + l] = std::cos(angle);
      r[k * dim + l] = -std::sin(angle);
      r[l * dim + k] = std::sin(angle);
      rotate(std::span(x1), std::span<const double>(r), dim);
      double square = 0;
      for (std::size_t i = 0; i < x0.size(); ++i) square += (x0[i] - x1[i]) * (x0[i] - x1[i]);
      EXPECT_TRUE(square >= best) << square - best;
    }
  }
}

TEST(Alignment, DegenerateConfigurationsKeepTheirShape) {
  Random random(6, Stream::test);
  Vector gaussian(15);
  mean_free_normal(random, std::span(gaussian), 3);
  const Vector line = {-2, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0};
  const Vector zeros(15);
  const Vector pair = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -4, -4, -4};
  for (const Vector& x0 : {gaussian, line, zeros, pair}) {
    for (const Vector& shape : {gaussian, line, zeros, pair}) {
      Vector x1 = shape;
      const double before = gain(x0, x0) + gain(shape, shape) - 2 * gain(x0, shape);
      EXPECT_TRUE(align<double>(x0, x1, 3) <= before + 1e-12);
      EXPECT_NEAR(norm(x1), norm(shape), 1e-12);
    }
  }
  Vector one = {0, 0, 0};
  EXPECT_EQ(align<double>(Vector{0, 0, 0}, one, 3), 0);
}

}  // namespace
}  // namespace equibolt
