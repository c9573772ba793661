#pragma once

#include <memory>

#include "equibolt/energy.h"

namespace equibolt {

/// A program's own energy, held to the contract of Energy::evaluate: an error in it is found where it is made
/// and not as a NaN in some statistic later.
///
/// Where the status is ok the energy has to be finite and a gradient too, but +∞ counts as not_finite. Where
/// it is not ok the energy becomes +∞ and the gradient zero, whatever they were.
class CheckedEnergy : public Energy {
 public:
  /// Throws UsageError for null, and where types() is not one number from 0 on for each particle.
  explicit CheckedEnergy(std::unique_ptr<Energy> energy);

  std::size_t particles() const override { return energy_->particles(); }
  std::size_t dim() const override { return energy_->dim(); }
  const ParticleTypes& types() const override { return energy_->types(); }
  /// Throws NumericalError that names the configuration for NaN or −∞ under the status ok, and for an
  /// exception that is no std::exception; those pass through as they are.
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override;
  void forget() override { energy_->forget(); }
  std::unique_ptr<Energy> clone() const override;
  double symmetry_noise() const override { return energy_->symmetry_noise(); }

 private:
  std::unique_ptr<Energy> energy_;
};

/// Throws UsageError unless there is one type for each of the particles, each in [0, kMostTypes).
inline constexpr int kMostTypes = 4096;  ///< a network has an input for each
void require_types(const ParticleTypes& types, std::size_t particles);

}  // namespace equibolt
