#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "equibolt/configurations.h"
#include "equibolt/energy.h"
#include "simulate/ladder.h"

namespace equibolt {

/// One Markov chain's present state, owned elsewhere, and what it samples.
struct Walker {
  std::uint64_t id;            ///< keys its random numbers
  Rung rung;                   ///< what it samples: exp(−u)
  double step_size;            ///< of one leapfrog or time step; see Mover::step_size
  std::span<double> x;         ///< (N, D), mean-free
  std::span<double> gradient;  ///< (N, D): ∇U(x), of the target's own energy
  double* energy;              ///< U(x)
  double acceptance = 0;       ///< of the last move: its probability to be accepted
  EnergyStatus status =
      EnergyStatus::ok;  ///< of the last move: not ok where it met a configuration without U
};

/// The status of an energy that counts: one that is not finite is not ok, whatever the energy says of it.
inline EnergyStatus status_of(double energy, EnergyStatus status) {
  return status == EnergyStatus::ok && !std::isfinite(energy) ? EnergyStatus::not_finite : status;
}

/// Scratch memory of moves, grown as needed.
struct MoveScratch {
  Configurations<double> x, momentum, gradient;  // (walkers, N, D)
  std::vector<double> energy, step, start;       // (walkers,)
  std::vector<EnergyStatus> status;              // (walkers,)

  void prepare(std::size_t walkers, const Energy& of);
};

/// ½|x|².
double half_square(std::span<const double> x);

}  // namespace equibolt
