#include "transport/batch_costs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transport/batch_costs.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace equibolt {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// One row of costs; x1 is transposed, (coordinates, stride), its samples in lanes.
void distances_from(const float* x0, std::size_t coordinates, const float* x1, std::size_t stride,
                    float* cost) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t j = 0; j < stride; j += 4 * lanes) {
    auto sum0 = hn::Zero(d), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (std::size_t k = 0; k < coordinates; ++k) {
      const auto x = hn::Set(d, x0[k]);
      const float* y = x1 + k * stride + j;
      const auto d0 = hn::Sub(x, hn::LoadU(d, y)), d1 = hn::Sub(x, hn::LoadU(d, y + lanes));
      const auto d2 = hn::Sub(x, hn::LoadU(d, y + 2 * lanes)), d3 = hn::Sub(x, hn::LoadU(d, y + 3 * lanes));
      sum0 = hn::MulAdd(d0, d0, sum0);
      sum1 = hn::MulAdd(d1, d1, sum1);
      sum2 = hn::MulAdd(d2, d2, sum2);
      sum3 = hn::MulAdd(d3, d3, sum3);
    }
    hn::StoreU(sum0, d, cost + j);
    hn::StoreU(sum1, d, cost + j + lanes);
    hn::StoreU(sum2, d, cost + j + 2 * lanes);
    hn::StoreU(sum3, d, cost + j + 3 * lanes);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace equibolt
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace equibolt {
namespace {

HWY_EXPORT(distances_from);

constexpr std::size_t block = 64;  // samples: four vectors of the widest instruction set

}  // namespace

void squared_distances(ConfigurationsView<const float> prior, ConfigurationsView<const float> data,
                       std::vector<float>& scratch, std::span<float> cost) {
  const std::size_t coordinates = data.coordinates();
  const std::size_t stride = (data.count() + block - 1) / block * block;
  scratch.assign((coordinates + 1) * stride, 0.0F);
  for (std::size_t j = 0; j < data.count(); ++j) {
    for (std::size_t k = 0; k < coordinates; ++k) scratch[k * stride + j] = data[j][k];
  }
  float* row = scratch.data() + coordinates * stride;
  for (std::size_t i = 0; i < prior.count(); ++i) {
    HWY_DYNAMIC_DISPATCH(distances_from)(prior[i].data(), coordinates, scratch.data(), stride, row);
    std::copy_n(row, data.count(), &cost[i * data.count()]);
  }
}

}  // namespace equibolt
#endif
