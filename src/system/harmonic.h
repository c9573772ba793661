#pragma once

#include <cstddef>
#include <memory>

#include "equibolt/energy.h"

namespace equibolt {

struct HarmonicParameters {
  double stiffness = 1;  ///< k, in kT per squared length, > 0
};

/// U = ½ k Σ_i |x_i − x̄|²: a Gaussian of the mean-free subspace, of which everything is known. The
/// configuration integral over that subspace is (2π/k)^(f/2) with f = (N−1)·D, and ⟨U⟩ = f/2.
class Harmonic : public Energy {
 public:
  Harmonic(std::size_t particles, std::size_t dim, const HarmonicParameters& parameters = {});

  std::size_t particles() const override { return types_.size(); }
  std::size_t dim() const override { return dim_; }
  const ParticleTypes& types() const override { return types_; }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override;
  std::unique_ptr<Energy> clone() const override { return std::make_unique<Harmonic>(*this); }

 private:
  HarmonicParameters parameters_;
  ParticleTypes types_;
  std::size_t dim_;
};

/// ln(Z_target/Z_prior) of a harmonic target: −(f/2) ln k, f = (N−1)·D.
double harmonic_log_z(std::size_t particles, std::size_t dim, double stiffness);

}  // namespace equibolt
