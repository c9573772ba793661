#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "equibolt/configurations.h"
#include "equibolt/energy.h"
#include "simulate/ladder.h"

namespace equibolt {

/// One Markov chain's present state, owned elsewhere, and how it moves.
struct Walker {
  std::uint64_t id;            ///< keys its random numbers
  Rung rung;                   ///< what it samples: exp(−u)
  double step_size;            ///< mean leapfrog step; drawn anew for each trajectory, ±20 %
  std::span<double> x;         ///< (N, D), mean-free
  std::span<double> gradient;  ///< (N, D): ∇U(x), of the target's own energy
  double* energy;              ///< U(x)
  double acceptance = 0;       ///< of the last move: its probability to be accepted
};

/// Scratch of `hmc_step`, grown as needed.
struct HmcScratch {
  Configurations<double> x, momentum, gradient;  // (walkers, N, D)
  std::vector<double> energy, step, start;       // (walkers,)
  std::vector<EnergyStatus> status;              // (walkers,)

  void prepare(std::size_t walkers, const Energy& of);
};

double half_square(std::span<const double> x);

/// One trajectory of Hamiltonian Monte Carlo for each walker, all in one batch of energies per leapfrog step
/// (Duane et al. 1987; unit masses, momenta mean-free). Exact for any step size. Where the energy cannot be
/// had it counts as +∞: the trajectory is rejected. Random numbers by (seed, Stream::simulate, iteration,
/// walker.id).
void hmc_step(Energy& energy, std::span<Walker> walkers, std::size_t leapfrog_steps, std::uint64_t seed,
              std::uint64_t iteration, HmcScratch& scratch);

}  // namespace equibolt
