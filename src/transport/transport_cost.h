#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/threads.h"
#include "equibolt/configurations.h"
#include "transport/coupling.h"

namespace equibolt {

/// The mean squared distance |x0 − x1|² that a coupling leaves at one batch size.
struct TransportCost {
  std::size_t batch = 0;
  CouplingKind kind = CouplingKind::independent;
  double mean = 0;          ///< in the squared unit of the configurations
  double error = 0;         ///< standard error of the mean over batches; NaN where there is one batch only
  std::size_t batches = 0;  ///< batches averaged over
};

/// How the cost of each kind of coupling falls with the batch size (paper, figure 1c): one row per batch size
/// and kind, kinds innermost.
///
/// prior and data are mean-free (B, N, D), of which min(prior.count(), data.count()) pairs of samples are
/// used at most; a batch of size b takes b of each in random order, and as many batches are made as fit into
/// `pairs` pairs of samples, one at least. All kinds see the same batches. `options` gives types and the
/// rest; its kind is not used. Results do not depend on the number of threads. Throws UsageError for a batch
/// size of 0 or beyond the samples.
std::vector<TransportCost> transport_cost_curve(ConfigurationsView<const float> prior,
                                                ConfigurationsView<const float> data, CouplingOptions options,
                                                std::span<const CouplingKind> kinds,
                                                std::span<const std::size_t> batch_sizes, std::size_t pairs,
                                                std::uint64_t seed, ThreadPool& pool);

}  // namespace equibolt
