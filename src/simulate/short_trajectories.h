#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/threads.h"
#include "equibolt/configurations.h"
#include "equibolt/energy.h"
#include "simulate/langevin.h"

namespace equibolt {

/// The ends of trajectories.
struct TrajectoryEnds {
  Configurations<float> x;           // (n, N, D), mean-free
  std::vector<double> energy;        // (n,): U, before the rounding to float
  std::vector<EnergyStatus> status;  // (n,): failed where some configuration on the way had no energy
};

/// Independent trajectories of `steps` steps of Langevin dynamics (langevin_block, Adjustment::none) under
/// `energy`, one from each start (n, N, D); that of start b has number first + b and is keyed by (seed, its
/// number) alone. Each has a clone of the energy for itself, so that what an energy keeps from step to step
/// changes no bit either.
TrajectoryEnds short_trajectories(const Energy& energy, ConfigurationsView<const double> starts,
                                  std::uint64_t first, std::size_t steps, const LangevinOptions& options,
                                  std::uint64_t seed, ThreadPool& pool);

/// Draws the start of trajectory `number` among frames with weights: an index in [0, n), with the probability
/// weight / sum. `cumulative` (n,) are the running sums of the weights.
std::size_t draw_start(std::span<const double> cumulative, std::uint64_t number, std::uint64_t seed);

}  // namespace equibolt
