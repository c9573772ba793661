#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "equibolt/energy.h"
#include "simulate/mover.h"
#include "simulate/walker.h"

namespace equibolt {

/// One trajectory of Hamiltonian Monte Carlo for each walker, all in one batch of energies per leapfrog step
/// (Duane et al. 1987; unit masses, momenta mean-free). Exact for any step size. Where the energy cannot be
/// had it counts as +∞: the trajectory is rejected. Random numbers by (seed, Stream::simulate, iteration,
/// walker.id). The step of each trajectory is drawn within ±20 % of the walker's.
void hmc_step(Energy& energy, std::span<Walker> walkers, std::size_t leapfrog_steps, std::uint64_t seed,
              std::uint64_t iteration, MoveScratch& scratch);

/// Hamiltonian Monte Carlo of `leapfrog_steps` steps a trajectory.
class HmcMover : public Mover {
 public:
  explicit HmcMover(std::size_t leapfrog_steps) : leapfrog_steps_(leapfrog_steps) {}
  const char* name() const override { return "hmc"; }
  void move(Energy& energy, std::span<Walker> walkers, std::uint64_t seed, std::uint64_t iteration,
            MoveScratch& scratch) const override {
    energy.forget();
    hmc_step(energy, walkers, leapfrog_steps_, seed, iteration, scratch);
  }
  bool adapts_steps() const override { return true; }
  double step_size(double adapted, double) const override { return adapted; }
  bool reaches_prior() const override { return true; }
  /// About four vectors of walkers.
  std::size_t chains_per_batch(std::size_t rungs) const override {
    return std::max<std::size_t>(1, 32 / rungs);
  }

 private:
  std::size_t leapfrog_steps_;
};

}  // namespace equibolt
