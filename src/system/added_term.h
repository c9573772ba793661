#pragma once

#include <memory>
#include <span>
#include <utility>

#include "equibolt/energy.h"

namespace equibolt {

/// U(x) and one more term of the configuration alone. For simulations: whatever its types say, only U has
/// their symmetries.
class AddedTerm : public Energy {
 public:
  std::size_t particles() const override { return energy_->particles(); }
  std::size_t dim() const override { return energy_->dim(); }
  const ParticleTypes& types() const override { return energy_->types(); }
  /// Where the sum is not finite the status says so.
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override;
  void forget() override { energy_->forget(); }
  double symmetry_noise() const override { return energy_->symmetry_noise(); }

  /// The term at x (N, D), kT; `gradient` (N, D) += its gradient, unless empty.
  virtual double term(std::span<const double> x, std::span<double> gradient) const = 0;

 protected:
  explicit AddedTerm(std::unique_ptr<Energy> energy) : energy_(std::move(energy)) {}
  const Energy& energy() const { return *energy_; }

 private:
  std::unique_ptr<Energy> energy_;
};

}  // namespace equibolt
