#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "equibolt/energy.h"
#include "simulate/mover.h"
#include "simulate/walker.h"

namespace equibolt {

/// In units where kT = 1; for molecules lengths are in Å, masses in u, and system/units.h converts times.
struct LangevinOptions {
  double timestep = 0.03;
  double friction = 0.05;      ///< per time
  std::vector<double> masses;  ///< (N,), > 0; empty: all 1
};

/// Throws UsageError for options without sense.
void check(const LangevinOptions& options);

/// Moves a fraction of the neighbours' masses to hydrogens so that each weighs `mass`: equilibrium does not
/// depend on masses, and the fastest vibrations become slower. (N,) each; neighbours as of neighbours_of.
/// Hydrogens that are heavier already stay. Throws UsageError where a neighbour would weigh less than `mass`.
std::vector<double> with_heavy_hydrogens(std::vector<double> masses, std::span<const int> elements,
                                         const std::vector<std::vector<std::size_t>>& neighbours,
                                         double mass);

/// `steps` steps of Langevin dynamics for each walker by BAOAB (Leimkuhler and Matthews, Appl. Math. Res.
/// Express 34, 2013), whose error in configurations is of second order in the time step, and small, all in
/// one batch of energies per step. Momenta are drawn anew at the beginning, and the mean position is removed
/// at the end. A trajectory that meets a configuration without an energy is rejected: the walker stays.
/// Random numbers as in hmc_step. A walker's step_size is its time step, and friction acts per timestep /
/// step_size of it.
void langevin_trajectory(Energy& energy, std::span<Walker> walkers, std::size_t steps,
                         const LangevinOptions& options, std::uint64_t seed, std::uint64_t iteration,
                         MoveScratch& scratch);

/// Langevin dynamics of `steps` steps a move.
class LangevinMover : public Mover {
 public:
  LangevinMover(std::size_t steps, const LangevinOptions& options) : steps_(steps), options_(options) {}
  void move(Energy& energy, std::span<Walker> walkers, std::uint64_t seed, std::uint64_t iteration,
            MoveScratch& scratch) const override {
    langevin_trajectory(energy, walkers, steps_, options_, seed, iteration, scratch);
  }
  bool adapts_steps() const override { return false; }
  /// On a rung of u = λU at unit temperature, time runs slower by √λ than at the temperature 1/λ: with these
  /// steps all rungs are the same dynamics.
  double step_size(double, double lambda) const override { return options_.timestep / std::sqrt(lambda); }
  bool reaches_prior() const override { return false; }
  /// Energies of molecules gain nothing from batches.
  std::size_t chains_per_batch(std::size_t) const override { return 1; }

 private:
  std::size_t steps_;
  LangevinOptions options_;
};

}  // namespace equibolt
