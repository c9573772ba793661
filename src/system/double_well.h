#pragma once

#include <cstddef>
#include <memory>

#include "equibolt/energy.h"
#include "system/pair_energy.h"

namespace equibolt {

/// The defaults, with 4 particles in 2 dimensions, are DW4.
struct DoubleWellParameters {
  double a = 0;    ///< kT per length
  double b = -4;   ///< kT per length²
  double c = 0.9;  ///< kT per length⁴
  double d0 = 4;   ///< length
};

/// U = Σ_{i<j} a (d−d0) + b (d−d0)² + c (d−d0)⁴ (paper, eq. 28). Has a kink where particles coincide; the
/// pair's gradient is zero there.
class DoubleWell : public Energy {
 public:
  DoubleWell(std::size_t particles, std::size_t dim, const DoubleWellParameters& parameters = {});

  std::size_t particles() const override { return types_.size(); }
  std::size_t dim() const override { return dim_; }
  const ParticleTypes& types() const override { return types_; }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override;
  std::unique_ptr<Energy> clone() const override { return std::make_unique<DoubleWell>(*this); }

 private:
  DoubleWellParameters parameters_;
  ParticleTypes types_;
  std::size_t dim_;
  PairScratch scratch_;
};

}  // namespace equibolt
