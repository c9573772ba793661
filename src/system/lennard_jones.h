#pragma once

#include <cstddef>
#include <memory>

#include "equibolt/energy.h"
#include "system/pair_energy.h"

namespace equibolt {

struct LennardJonesParameters {
  double epsilon = 1;      ///< kT; the well of a pair is pair_factor · epsilon deep
  double rm = 1;           ///< distance of the minimum
  double pair_factor = 2;  ///< ε is counted once per ordered pair, as in the paper's data; other codes: 1
  double trap = 1;         ///< strength of the harmonic trap, kT per squared length
};

/// U = pair_factor Σ_{i<j} ε [(rm/d)¹² − 2 (rm/d)⁶] + ½ trap Σ_i |x_i − x̄|² (paper, eq. 29, which does not
/// show the trap). Coincident particles have no energy: not_finite.
class LennardJones : public Energy {
 public:
  LennardJones(std::size_t particles, std::size_t dim, const LennardJonesParameters& parameters = {});

  std::size_t particles() const override { return types_.size(); }
  std::size_t dim() const override { return dim_; }
  const ParticleTypes& types() const override { return types_; }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override;
  std::unique_ptr<Energy> clone() const override { return std::make_unique<LennardJones>(*this); }

 private:
  LennardJonesParameters parameters_;
  ParticleTypes types_;
  std::size_t dim_;
  PairScratch scratch_;
};

}  // namespace equibolt
