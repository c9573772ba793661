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

/// Throws UsageError for invalid options.
void check(const LangevinOptions& options);

/// Moves a fraction of the neighbours' masses to hydrogens so that each weighs `mass`: equilibrium does not
/// depend on masses, and the fastest vibrations become slower. (N,) each; neighbours as of neighbours_of.
/// Hydrogens that are heavier already stay. Throws UsageError where a neighbour would weigh less than `mass`.
std::vector<double> with_heavy_hydrogens(std::vector<double> masses, std::span<const int> elements,
                                         const std::vector<std::vector<std::size_t>>& neighbours,
                                         double mass);

/// What becomes of the error of a finite time step.
enum class Adjustment {
  /// The block is a proposal that is accepted or rejected, so that exp(−u) is sampled exactly.
  metropolis,
  /// The block is kept as it is: to come from far away, where Metropolis would reject.
  none,
};

/// A block of `steps` steps of Langevin dynamics that begins with momenta from Maxwell's distribution, all
/// kept by none after it; the mean position is removed at its end.
///
/// With Adjustment::metropolis the steps are velocity Verlet's, with friction and noise between them, and the
/// whole block is accepted with probability min(1, exp(−W)), W the energy change without the heat that
/// friction and noise have exchanged: the block leaves exp(−u) exactly unchanged, whatever the time step
/// (docs/mathematics.md, "Langevin dynamics"). A block that meets a configuration without an energy is
/// rejected. With Adjustment::none the steps are BAOAB's (Leimkuhler and Matthews, Appl. Math. Res. Express
/// 34, 2013), and only a block without an energy is rejected.
///
/// Random numbers are keyed by (seed, Stream::simulate, iteration, walker.id). The walker's step_size is the
/// time step, and friction acts per timestep / step_size of it. Before it begins the energy forgets what it
/// has kept.
void langevin_block(Energy& energy, Walker& walker, std::size_t steps, const LangevinOptions& options,
                    Adjustment adjustment, std::uint64_t seed, std::uint64_t iteration, MoveScratch& scratch);

/// Metropolised Langevin dynamics of `steps` steps a move.
class LangevinMover : public Mover {
 public:
  LangevinMover(std::size_t steps, const LangevinOptions& options) : steps_(steps), options_(options) {}
  const char* name() const override { return "langevin, metropolised"; }
  void move(Energy& energy, std::span<Walker> walkers, std::uint64_t seed, std::uint64_t iteration,
            MoveScratch& scratch) const override;
  void settle(Energy& energy, std::span<Walker> walkers, std::uint64_t seed, std::uint64_t iteration,
              MoveScratch& scratch) const override;
  bool adapts_steps() const override { return false; }
  /// On a rung of u = λU at unit temperature, time runs slower by √λ than at the temperature 1/λ: with these
  /// steps all rungs are the same dynamics.
  double step_size(double, double lambda) const override { return options_.timestep / std::sqrt(lambda); }
  bool reaches_prior() const override { return false; }
  /// Walkers move one after the other, so that an energy can follow each.
  std::size_t chains_per_batch(std::size_t) const override { return 1; }

 private:
  std::size_t steps_;
  LangevinOptions options_;
};

}  // namespace equibolt
