#include "system/parallel_energy.h"

#include <cassert>

namespace equibolt {

ParallelEnergy::ParallelEnergy(const Energy& prototype, ThreadPool& pool) : pool_(pool) {
  for (std::size_t worker = 0; worker < pool.size(); ++worker) clones_.push_back(prototype.clone());
}

void ParallelEnergy::evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                              ConfigurationsView<double> gradient, std::span<EnergyStatus> status) {
  assert(energy.size() == x.count() && status.size() == x.count());
  // Whole vectors of configurations, short enough that expensive energies spread over the workers, also those
  // of the small batches of fine-tuning. They depend on the batch alone, as results must not on the number of
  // workers.
  const std::size_t chunk_size = x.count() < 256 ? 8 : 32;
  pool_.for_chunks(x.count(), chunk_size, [&](const ThreadPool::Chunk& chunk) {
    clones_[chunk.worker]->evaluate(
        x.slice(chunk.first, chunk.count), energy.subspan(chunk.first, chunk.count),
        gradient.size() == 0 ? gradient : gradient.slice(chunk.first, chunk.count),
        status.subspan(chunk.first, chunk.count));
  });
}

}  // namespace equibolt
