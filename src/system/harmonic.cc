#include "system/harmonic.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <vector>

#include "core/geometry.h"
#include "equibolt/error.h"
#include "system/shape.h"

namespace equibolt {

Harmonic::Harmonic(std::size_t particles, std::size_t dim, const HarmonicParameters& parameters)
    : parameters_(parameters), types_(particles, 0), dim_(dim) {
  require_shape("harmonic", particles, dim);
  if (!(parameters.stiffness > 0)) {
    throw UsageError("harmonic: expected stiffness > 0, found {}", parameters.stiffness);
  }
}

void Harmonic::evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                        ConfigurationsView<double> gradient, std::span<EnergyStatus> status) {
  assert(x.particles() == particles() && x.dim() == dim_);
  std::vector<double> centred(x.coordinates());
  for (std::size_t b = 0; b < x.count(); ++b) {
    std::copy(x[b].begin(), x[b].end(), centred.begin());
    remove_mean(std::span(centred), dim_);
    double square = 0;
    for (const double value : centred) square += value * value;
    energy[b] = parameters_.stiffness * square / 2;
    const bool finite = std::isfinite(energy[b]);
    status[b] = finite ? EnergyStatus::ok : EnergyStatus::not_finite;
    if (!finite) energy[b] = std::numeric_limits<double>::infinity();
    if (gradient.size() == 0) continue;
    for (std::size_t k = 0; k < centred.size(); ++k) {
      gradient[b][k] = finite ? parameters_.stiffness * centred[k] : 0.0;
    }
  }
}

double harmonic_log_z(std::size_t particles, std::size_t dim, double stiffness) {
  return -static_cast<double>((particles - 1) * dim) / 2 * std::log(stiffness);
}

}  // namespace equibolt
