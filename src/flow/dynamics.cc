#include "flow/dynamics.h"

#include <algorithm>

#include "core/hash.h"
#include "core/random.h"

namespace equibolt {

void NetworkDynamics::narrow(std::span<const double> t, ConfigurationsView<const double> x) {
  t_.assign(t.begin(), t.end());
  x_.assign(x.values().begin(), x.values().end());
  v_.resize(x.size());
}

void NetworkDynamics::velocity(std::span<const double> t, ConfigurationsView<const double> x,
                               ConfigurationsView<double> v) {
  narrow(t, x);
  field_.velocity(t_, {x_.data(), x.count(), x.particles(), x.dim()},
                  {v_.data(), x.count(), x.particles(), x.dim()});
  std::copy(v_.begin(), v_.end(), v.data());
}

void NetworkDynamics::velocity_and_divergence(std::span<const double> t, ConfigurationsView<const double> x,
                                              ConfigurationsView<double> v, std::span<double> divergence) {
  if (probes_ > 0) {
    velocity(t, x, v);
    return estimate_divergence({x_.data(), x.count(), x.particles(), x.dim()}, divergence);
  }
  narrow(t, x);
  divergence_.resize(x.count());
  field_.velocity_and_divergence(t_, {x_.data(), x.count(), x.particles(), x.dim()},
                                 {v_.data(), x.count(), x.particles(), x.dim()}, divergence_);
  std::copy(v_.begin(), v_.end(), v.data());
  std::copy(divergence_.begin(), divergence_.end(), divergence.begin());
}

void NetworkDynamics::estimate_divergence(ConfigurationsView<const float> x, std::span<double> divergence) {
  probe_.resize(x.size());
  product_.resize(x.size());
  std::fill(divergence.begin(), divergence.end(), 0.0);
  const ConfigurationsView<float> probe{probe_.data(), x.count(), x.particles(), x.dim()};
  const ConfigurationsView<float> product{product_.data(), x.count(), x.particles(), x.dim()};
  for (std::size_t k = 0; k < probes_; ++k) {
    for (std::size_t b = 0; b < x.count(); ++b) {
      const std::uint64_t own =
          content_hash(std::span<const float>(x[b]), content_hash(std::span<const float>(&t_[b], 1)));
      Random random(own, Stream::probes, k);
      for (float& value : probe[b]) value = random.below(2) == 0 ? -1.0F : 1.0F;
    }
    field_.vjp(t_, x, probe, product, {});
    for (std::size_t b = 0; b < x.count(); ++b) {
      double sum = 0;
      for (std::size_t j = 0; j < x.coordinates(); ++j) {
        sum += static_cast<double>(probe[b][j]) * static_cast<double>(product[b][j]);
      }
      divergence[b] += sum / static_cast<double>(probes_);
    }
  }
}

void PreciseDynamics::velocity(std::span<const double> t, ConfigurationsView<const double> x,
                               ConfigurationsView<double> v) {
  pool_.for_chunks(x.count(), 1, [&](const ThreadPool::Chunk& chunk) {
    field_.velocity(t[chunk.first], x[chunk.first], v[chunk.first]);
  });
}

void PreciseDynamics::velocity_and_divergence(std::span<const double> t, ConfigurationsView<const double> x,
                                              ConfigurationsView<double> v, std::span<double> divergence) {
  if (divergences_ != nullptr) return divergences_->velocity_and_divergence(t, x, v, divergence);
  pool_.for_chunks(x.count(), 1, [&](const ThreadPool::Chunk& chunk) {
    const std::size_t b = chunk.first;
    divergence[b] = field_.velocity_and_divergence(t[b], x[b], v[b]);
  });
}

}  // namespace equibolt
