#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/threads.h"
#include "equibolt/configurations.h"
#include "equibolt/energy.h"

namespace equibolt {

/// An energy evaluated by all workers of a pool, each with its own clone.
class ParallelEnergy {
 public:
  /// The pool must outlive this object.
  ParallelEnergy(const Energy& prototype, ThreadPool& pool);

  /// As Energy::evaluate, for any number of configurations.
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status);

  /// Worker w's own energy, w in [0, pool.size()), for loops that call for_chunks themselves.
  Energy& of_worker(std::size_t worker) { return *clones_[worker]; }

 private:
  ThreadPool& pool_;
  std::vector<std::unique_ptr<Energy>> clones_;
};

}  // namespace equibolt
