#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "egnn/vector_math_test.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off
#include "egnn/vector_math-inl.h"
#include "hwy/targets.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace equibolt::HWY_NAMESPACE {

/// y[k] of x[k], for `count` numbers, a multiple of 16.
void evaluate(const float* x, std::size_t count, float* sigmoids, float* silus, float* derivatives,
              float* tanhs) {
  const hn::CappedTag<float, 16> d;
  for (std::size_t k = 0; k < count; k += hn::Lanes(d)) {
    const auto z = hn::LoadU(d, x + k);
    auto derivative = z;
    hn::StoreU(sigmoid(d, z), d, sigmoids + k);
    hn::StoreU(silu(d, z, &derivative), d, silus + k);
    hn::StoreU(derivative, d, derivatives + k);
    hn::StoreU(tanh(d, z), d, tanhs + k);
  }
}

}  // namespace equibolt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace equibolt {
namespace {

HWY_EXPORT(evaluate);

TEST(VectorMath, IsAsAccurateAsItSays) {
  std::vector<float> x;
  for (int k = -16 * 4000; k < 16 * 4000; ++k) x.push_back(static_cast<float>(k) * (20.0F / 64000.0F));
  for (int e = -40; e < 0; ++e) {
    for (int k = 0; k < 16; ++k) x.push_back(std::ldexp(1.0F + static_cast<float>(k) / 17.0F, e));
  }
  std::vector<float> sigmoids(x.size()), silus(x), derivatives(x), tanhs(x);
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    HWY_DYNAMIC_DISPATCH(evaluate)
    (x.data(), x.size(), sigmoids.data(), silus.data(), derivatives.data(), tanhs.data());
    double sigmoid_error = 0, silu_error = 0, derivative_error = 0, tanh_error = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const double z = x[k], s = 1 / (1 + std::exp(-z));
      const auto largest = [](double& error, double found, double expected, double scale) {
        error = std::max(error, std::abs(found - expected) / scale);
        if (std::isnan(found)) error = std::numeric_limits<double>::infinity();
      };
      largest(sigmoid_error, sigmoids[k], s, s);
      largest(silu_error, silus[k], z * s, std::abs(z * s) + 1e-30);
      largest(derivative_error, derivatives[k], s * (1 + z * (1 - s)), 1);
      largest(tanh_error, tanhs[k], std::tanh(z), std::abs(std::tanh(z)) + 1e-30);
    }
    EXPECT_LE(sigmoid_error, 1.2e-6);
    EXPECT_LE(silu_error, 1.2e-6);
    EXPECT_LE(derivative_error, 4e-7);
    EXPECT_LE(tanh_error, 4e-7);
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(VectorMath, ExtremeArgumentsAreSafeAndNanStays) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x{-infinity,     -1e30F, -1e4F,   -200, 0,   200, 1e4F, 1e30F,
                             std::nanf(""), 1e-38F, -1e-38F, 89,   -89, 1,   -1,   0.65F};
  std::vector<float> sigmoids(16), silus(16), derivatives(16), tanhs(16);
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    HWY_DYNAMIC_DISPATCH(evaluate)
    (x.data(), x.size(), sigmoids.data(), silus.data(), derivatives.data(), tanhs.data());
    for (std::size_t k = 0; k < 16; ++k) {
      if (std::isnan(x[k])) {
        EXPECT_TRUE(std::isnan(sigmoids[k]) && std::isnan(silus[k]) && std::isnan(tanhs[k]));
        continue;
      }
      const double z = x[k];
      EXPECT_NEAR(sigmoids[k], 1 / (1 + std::exp(-z)), 1e-6) << z;
      EXPECT_NEAR(tanhs[k], std::tanh(z), 1e-6) << z;
      EXPECT_NEAR(silus[k], z < -80 ? 0 : z / (1 + std::exp(-z)), 1e-6 * std::max(1.0, std::abs(z))) << z;
      if (z > 1e28) continue;
      const double derivative = 1 / (1 + std::exp(-z)) * (1 + z / (1 + std::exp(z)));
      EXPECT_NEAR(derivatives[k], z < -80 ? 0 : derivative, 1e-6) << z;
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace
}  // namespace equibolt
#endif  // HWY_ONCE
