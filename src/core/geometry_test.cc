#include "core/geometry.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"
#include "equibolt/configurations.h"

namespace equibolt {
namespace {

TEST(Geometry, RandomRotationsAreOrthogonalWithTheDeterminantAskedFor) {
  for (std::size_t dim = 1; dim <= 4; ++dim) {
    Random random(3, Stream::test, dim);
    int reflections = 0;
    for (int k = 0; k < 200; ++k) {
      const bool allowed = k % 2 == 1;
      const auto r = random_rotation(random, dim, allowed);
      for (std::size_t a = 0; a < dim; ++a) {
        for (std::size_t b = 0; b < dim; ++b) {
          double dot = 0;
          for (std::size_t c = 0; c < dim; ++c) dot += r[a * dim + c] * r[b * dim + c];
          EXPECT_NEAR(dot, a == b ? 1 : 0, 1e-12);
        }
      }
      if (dim == 2) {
        const double det = r[0] * r[3] - r[1] * r[2];
        if (!allowed) {
          EXPECT_NEAR(det, 1, 1e-12);
        }
        reflections += allowed && det < 0;
      }
    }
    if (dim == 2) {
      EXPECT_NEAR(reflections, 50, 25);
    }
  }
}

TEST(Geometry, MeanFreeNormalIsMeanFreeWithTheVarianceOfItsSubspace) {
  Random random(4, Stream::test);
  Configurations<double> x(20000, 4, 2);
  double square = 0;
  for (std::size_t b = 0; b < x.count(); ++b) {
    mean_free_normal(random, x[b], 2);
    double sum = 0;
    for (std::size_t i = 0; i < 4; ++i) sum += x[b][2 * i];
    EXPECT_NEAR(sum, 0, 1e-12);
    for (const double value : x[b]) square += value * value;
  }
  const double freedom = 6.0;  // (N-1)·D
  EXPECT_NEAR(square / 20000, freedom, 5 * std::sqrt(2 * freedom / 20000));
}

}  // namespace
}  // namespace equibolt
