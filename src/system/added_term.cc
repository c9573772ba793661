#include "system/added_term.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace equibolt {

void AddedTerm::evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                         ConfigurationsView<double> gradient, std::span<EnergyStatus> status) {
  energy_->evaluate(x, energy, gradient, status);
  for (std::size_t b = 0; b < x.count(); ++b) {
    if (status[b] != EnergyStatus::ok) continue;
    energy[b] += term(x[b], gradient.size() > 0 ? gradient[b] : std::span<double>());
    if (std::isfinite(energy[b])) continue;  // atoms on a line have no dihedral
    status[b] = EnergyStatus::not_finite;
    energy[b] = std::numeric_limits<double>::infinity();
    if (gradient.size() > 0) std::fill(gradient[b].begin(), gradient[b].end(), 0.0);
  }
}

}  // namespace equibolt
