#pragma once

#include <cstddef>
#include <vector>

#include "equibolt/configurations.h"
#include "equibolt/energy.h"

namespace equibolt {

/// What an energy gave for a batch of configurations.
struct Evaluated {
  std::vector<double> energy;        // (B,), kT; +∞ where the status is not ok
  Configurations<double> gradient;   // (B, N, D); of no configurations where none was asked for
  std::vector<EnergyStatus> status;  // (B,)
};

/// Energies and gradients of x (B, N, D), by an Energy or a ParallelEnergy.
template <class AnyEnergy>
Evaluated evaluated(AnyEnergy& energy, ConfigurationsView<const double> x) {
  Evaluated result{std::vector<double>(x.count()), Configurations<double>(x.count(), x.particles(), x.dim()),
                   std::vector<EnergyStatus>(x.count())};
  energy.evaluate(x, result.energy, result.gradient, result.status);
  return result;
}

/// The same without gradients, which many energies give in less time.
template <class AnyEnergy>
Evaluated energies_of(AnyEnergy& energy, ConfigurationsView<const double> x) {
  Evaluated result{std::vector<double>(x.count()), {}, std::vector<EnergyStatus>(x.count())};
  energy.evaluate(x, result.energy, {}, result.status);
  return result;
}

}  // namespace equibolt
