#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "equibolt/energy.h"
#include "simulate/walker.h"

namespace equibolt {

/// How walkers move between two exchanges of replicas. An object has no state: one serves all threads, and
/// what it does depends on its arguments alone.
class Mover {
 public:
  virtual ~Mover() = default;

  /// Saved with a simulation's state, so that one does not resume with another.
  virtual const char* name() const = 0;

  /// Moves each walker once, leaving exp(−u) of its rung unchanged. Random numbers are keyed by
  /// (seed, Stream::simulate, iteration, walker.id).
  virtual void move(Energy& energy, std::span<Walker> walkers, std::uint64_t seed, std::uint64_t iteration,
                    MoveScratch& scratch) const = 0;
  /// The same for the beginning of a simulation, where nothing has to be left unchanged.
  virtual void settle(Energy& energy, std::span<Walker> walkers, std::uint64_t seed, std::uint64_t iteration,
                      MoveScratch& scratch) const {
    move(energy, walkers, seed, iteration, scratch);
  }

  /// Whether step sizes are adapted to an acceptance.
  virtual bool adapts_steps() const = 0;
  /// The step size of a rung u = λU, from the one that has been adapted so far.
  virtual double step_size(double adapted, double lambda) const = 0;
  /// Whether it can follow a ladder to the prior, whose rungs are not invariant under translations.
  virtual bool reaches_prior() const = 0;
  /// How many chains of `rungs` walkers make a batch of energies that pays.
  virtual std::size_t chains_per_batch(std::size_t rungs) const = 0;
};

/// Metropolis' probability to accept a move that changes ln p by `gain`: min(1, e^gain), and 0 for NaN.
inline double acceptance_of(double gain) {
  return std::isnan(gain) ? 0.0 : std::exp(std::min(0.0, gain));
}

}  // namespace equibolt
