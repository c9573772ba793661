#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "equibolt/configurations.h"
#include "equibolt/particle_types.h"

namespace equibolt {

/// What became of one configuration's energy.
enum class EnergyStatus : std::uint8_t {
  ok = 0,
  not_finite = 1,  ///< the formula gave inf or NaN, for coincident particles say
  failed = 2,      ///< the method did not converge or refused the configuration
};

/// A target energy U(x) in units of kT: the Boltzmann distribution is proportional to exp(−U).
///
/// This is the seam for new systems (examples/own_energy.cc is one in 30 lines). An object is used by one
/// thread at a time; each worker has its own clone.
class Energy {
 public:
  virtual ~Energy() = default;

  virtual std::size_t particles() const = 0;
  virtual std::size_t dim() const = 0;
  /// (N,): which particles are interchangeable, that is, which permutations leave U unchanged.
  virtual const ParticleTypes& types() const = 0;

  /// For each x_b of `x` (B, N, D), positions in the system's unit: energy[b] = U(x_b) in kT (B,) and, unless
  /// `gradient` is empty, gradient[b] = ∇U(x_b) (B, N, D). Never throws for a configuration: where the energy
  /// or a wanted gradient cannot be had, status[b] (B,) says why, energy[b] is +∞ and gradient[b] zero.
  virtual void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                        ConfigurationsView<double> gradient, std::span<EnergyStatus> status) = 0;

  /// Forgets whatever evaluations have left behind to speed up the next one, such as a converged density:
  /// what follows then depends on its arguments alone, whatever came before. Called before a trajectory
  /// begins.
  virtual void forget() {}

  virtual std::unique_ptr<Energy> clone() const = 0;

  /// How much U may change under its symmetries beyond rounding, in kT: more than 0 where it is computed on
  /// grids that do not turn with the particles.
  virtual double symmetry_noise() const { return 0; }
};

}  // namespace equibolt
