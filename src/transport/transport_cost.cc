#include "transport/transport_cost.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "core/random.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

using View = ConfigurationsView<const float>;

/// What one worker needs for batches of one size.
struct Scratch {
  Scratch(const Coupling& coupling_of_all, std::size_t batch, View shape)
      : coupling(coupling_of_all.clone()),
        prior(batch, shape.particles(), shape.dim()),
        data(prior),
        x0(prior),
        x1(prior) {}
  std::unique_ptr<Coupling> coupling;
  Configurations<float> prior, data, x0, x1;
};

std::vector<std::size_t> random_order(std::size_t count, std::uint64_t seed, Stream stream) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(seed, stream);
  random.shuffle(std::span(order));
  return order;
}

void gather(View from, std::span<const std::size_t> samples, Configurations<float>& to) {
  for (std::size_t b = 0; b < samples.size(); ++b)
    std::copy_n(from[samples[b]].data(), from.coordinates(), to[b].data());
}

}  // namespace

std::vector<TransportCost> transport_cost_curve(View prior, View data, CouplingOptions options,
                                                std::span<const CouplingKind> kinds,
                                                std::span<const std::size_t> batch_sizes, std::size_t pairs,
                                                std::uint64_t seed, ThreadPool& pool) {
  if (data.particles() != prior.particles() || data.dim() != prior.dim()) {
    throw DataError(
        "transport cost: data of {} particles in {} dimensions, the prior's samples have {} in {}",
        data.particles(), data.dim(), prior.particles(), prior.dim());
  }
  const std::size_t available = std::min(prior.count(), data.count());
  const auto prior_order = random_order(prior.count(), seed, Stream::batch_prior);
  const auto data_order = random_order(data.count(), seed, Stream::batch_data);

  std::vector<TransportCost> curve;
  for (const std::size_t batch : batch_sizes) {
    if (batch == 0 || batch > available) {
      throw UsageError("transport cost: a batch of {}, expected 1 to {}, the number of samples", batch,
                       available);
    }
    const std::size_t batches = std::max<std::size_t>(std::min(pairs, available) / batch, 1);
    for (const CouplingKind kind : kinds) {
      options.kind = kind;
      const auto coupling = make_coupling(options);
      std::vector<Scratch> scratch;
      for (std::size_t w = 0; w < pool.size(); ++w) scratch.emplace_back(*coupling, batch, prior);
      std::vector<double> cost(batches);
      pool.for_chunks(batches, 1, [&](const ThreadPool::Chunk& chunk) {
        Scratch& s = scratch[chunk.worker];
        const std::size_t first = chunk.first * batch;
        gather(prior, std::span(prior_order).subspan(first, batch), s.prior);
        gather(data, std::span(data_order).subspan(first, batch), s.data);
        Random random(seed, Stream::batch_plan, batch, chunk.first);
        cost[chunk.first] = s.coupling->pair(s.prior, s.data, random, s.x0, s.x1);
      });

      const auto count = static_cast<double>(batches);
      const double mean = std::accumulate(cost.begin(), cost.end(), 0.0) / count;
      double square = 0;
      for (const double value : cost) square += (value - mean) * (value - mean);
      const double error =
          batches > 1 ? std::sqrt(square / (count * (count - 1))) : std::numeric_limits<double>::quiet_NaN();
      curve.push_back({batch, kind, mean, error, batches});
    }
  }
  return curve;
}

}  // namespace equibolt
