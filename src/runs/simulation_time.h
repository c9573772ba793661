#pragma once

#include <cstdint>

#include "core/threads.h"
#include "equibolt/energy.h"
#include "simulate/simulation.h"

namespace equibolt {

/// How long a simulation is expected to take.
struct SimulationTime {
  double seconds = 0;
  std::uint64_t thinning = 0;  ///< iterations between samples that `seconds` counts on
  bool thinning_known = true;  ///< chosen by the options, or measured; else it is a guess
};

/// Tries the simulation for about `trial_seconds` in memory. Iterations cost the same in burn-in, pilot and
/// production, except those of the first block, where a semi-empirical energy has no wavefunction to begin
/// from: it counts only where there is time for no other. A `target` above the energy's ladder is timed by
/// itself, since it is asked from the end of burn-in on.
SimulationTime simulation_time(const Energy& energy, const SimulateOptions& options, ThreadPool& pool,
                               double trial_seconds, const Energy* target = nullptr);

}  // namespace equibolt
