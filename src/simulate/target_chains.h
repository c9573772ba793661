#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "equibolt/configurations.h"
#include "equibolt/energy.h"

namespace equibolt {

/// The chains of a costly target U above ladders that sample a cheaper energy V in its stead, as plain data.
/// Without such a target all of it is empty.
struct TargetChains {
  // The target's sample of each chain, and both energies there:
  Configurations<double> x;                         // (C, N, D), mean-free
  std::vector<double> energy, cheap_energy;         // (C,): U and V, kT; V is NaN until the chain has begun
  Configurations<double> gradient, cheap_gradient;  // (C, N, D)
  // What was found when U was last asked about the first rung of the chain's ladder:
  std::vector<double> asked_energy,
      asked_cheap;                        // (C,): U, and V, by which that configuration is known again
  Configurations<double> asked_gradient;  // (C, N, D): ∇U
  // Sums:
  std::vector<double> acceptance;            // (C,): probabilities to exchange
  std::vector<double> tries, asked, failed;  // (C,): exchanges, evaluations of U, those that gave no energy

  bool empty() const { return energy.empty(); }
};

/// Those of so many chains of the energy's shape, none of which has begun.
TargetChains start_target_chains(std::size_t chains, const Energy& energy);

/// The first rung of a chain's ladder, which samples V: owned elsewhere.
struct FirstRung {
  std::span<double> x, gradient;  // (N, D): the configuration, and ∇V there
  double* energy;                 ///< V
};

/// Exchanges the configuration of the first rung with that of the target, with the probability
/// min(1, exp(−[(U − V)(x_rung) − (U − V)(x_target)])): replica exchange between exp(−V) and exp(−U), which
/// leaves both unchanged, whatever V is. The target itself makes no other move, so that U is evaluated once
/// for each configuration that the ladder proposes; a chain begins with the first. Random numbers are keyed
/// by (seed, Stream::stand_in, iteration, chain).
void exchange_with_target(TargetChains& target, std::size_t chain, Energy& energy, const FirstRung& rung,
                          std::uint64_t seed, std::uint64_t iteration);

}  // namespace equibolt
