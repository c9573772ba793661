#include "simulate/short_trajectories.h"

#include <algorithm>
#include <cassert>

#include "core/geometry.h"
#include "core/random.h"

namespace equibolt {

TrajectoryEnds short_trajectories(const Energy& energy, ConfigurationsView<const double> starts,
                                  std::uint64_t first, std::size_t steps, const LangevinOptions& options,
                                  std::uint64_t seed, ThreadPool& pool) {
  check(options);
  Configurations<double> x = converted<double>(starts);
  Configurations<double> gradient(x.count(), x.particles(), x.dim());
  TrajectoryEnds ends;
  ends.energy.resize(x.count());
  ends.status.assign(x.count(), EnergyStatus::failed);
  pool.for_chunks(x.count(), 1, [&](const ThreadPool::Chunk& chunk) {
    const std::size_t b = chunk.first;
    const auto own = energy.clone();
    remove_mean(x[b], x.dim());
    own->evaluate(x.view().slice(b, 1), std::span(ends.energy).subspan(b, 1), gradient.view().slice(b, 1),
                  std::span(ends.status).subspan(b, 1));
    if (ends.status[b] != EnergyStatus::ok) return;
    Walker walker{.id = first + b,
                  .rung = {1, 0},
                  .step_size = options.timestep,
                  .x = x[b],
                  .gradient = gradient[b],
                  .energy = &ends.energy[b]};
    MoveScratch scratch;
    langevin_block(*own, walker, steps, options, Adjustment::none, seed, 0, scratch);
    ends.status[b] = walker.status;
  });
  ends.x = converted<float>(ConfigurationsView<const double>(x.view()));
  return ends;
}

std::size_t draw_start(std::span<const double> cumulative, std::uint64_t number, std::uint64_t seed) {
  assert(!cumulative.empty() && cumulative.back() > 0);
  Random random(seed, Stream::walkers, 0, number);
  const double chosen = random.uniform() * cumulative.back();
  const auto found = std::upper_bound(cumulative.begin(), cumulative.end(), chosen);
  return std::min<std::size_t>(static_cast<std::size_t>(found - cumulative.begin()), cumulative.size() - 1);
}

}  // namespace equibolt
