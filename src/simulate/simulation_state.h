#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "equibolt/configurations.h"
#include "simulate/target_chains.h"

namespace equibolt {

/// All that a simulation is between two blocks, as plain data: going on from a copy gives the same bits.
/// C chains of K rungs; walker (c, k) has index c·K + k, rung 0 is the target.
struct SimulationState {
  std::string mover;              ///< Mover::name; empty in states of format 1
  std::uint64_t iteration = 0;    ///< that all chains have done: a move of every walker and an exchange each
  std::uint64_t ready = 0;        ///< this many chains, the first ones, have done one iteration more
  std::uint64_t thinning = 0;     ///< 0 until it is known
  std::vector<double> lambda;     // (K,)
  std::vector<double> step_size;  // (K,)
  Configurations<double> x;       // (C·K, N, D), mean-free
  Configurations<double> gradient;  // (C·K, N, D): ∇U
  std::vector<double> energy;       // (C·K,): U
  std::vector<double> renewed;      // (C·K,): 1 if it was on the last rung since it was the target's

  /// Sums since the parameters that they measure were last changed.
  std::vector<double> acceptance;      // (C·K,)
  std::vector<double> exchange;        // (C·(K−1),)
  std::vector<double> exchange_tries;  // (C·(K−1),)
  std::vector<double> renewals;        // (C,): configurations that came to the target from the last rung
  std::uint64_t moves = 0;             ///< iterations behind `acceptance` and `renewals`

  std::vector<double> pilot;  // (pilot iterations, C, observables): the target's series

  std::vector<float> samples;              // (records, C, N, D), the target's, mean-free
  std::vector<double> sample_energy;       // (records, C, K): U, before rounding to float
  std::vector<double> sample_half_square;  // (records, C, K): ½|x|²

  // Where the ladder is of a cheaper energy V than the target U; else empty. The samples are U's then, and
  // sample_energy is V.
  TargetChains target;
  std::vector<double>
      sample_target;  // (records, C, 2): U, of the sample and of the first rung's configuration
  std::vector<double> sample_cheap;    // (records, C): V of the sample
  std::vector<float> sample_gradient;  // (records, C, N, D): ∇U of the sample
};

}  // namespace equibolt
