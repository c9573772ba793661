#include "flow/dynamics.h"

#include <algorithm>

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
  narrow(t, x);
  divergence_.resize(x.count());
  field_.velocity_and_divergence(t_, {x_.data(), x.count(), x.particles(), x.dim()},
                                 {v_.data(), x.count(), x.particles(), x.dim()}, divergence_);
  std::copy(v_.begin(), v_.end(), v.data());
  std::copy(divergence_.begin(), divergence_.end(), divergence.begin());
}

}  // namespace equibolt
