#include "train/flow_matching.h"

#include <algorithm>
#include <limits>

#include "core/random.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

std::vector<TrainingBatch> validation_batches(ConfigurationsView<const float> data, const Coupling& coupling,
                                              const FlowMatchingOptions& options, std::uint64_t seed,
                                              std::size_t batch) {
  std::vector<TrainingBatch> batches;
  if (data.count() == 0) return batches;
  const std::uint64_t own_seed = Random(seed, Stream::validation).bits();
  BatchMaker maker(data, coupling, own_seed, std::min(batch, data.count()), options.sigma);
  batches.resize(options.validation_batches);
  for (std::size_t k = 0; k < batches.size(); ++k) maker.make(k, batches[k]);
  return batches;
}

ConfigurationsView<const float> not_empty(ConfigurationsView<const float> data) {
  if (data.count() == 0) throw DataError("there is no training data");
  return data;
}

}  // namespace

FlowMatching::FlowMatching(VectorField& field, const TrainingData& data, const Coupling& coupling,
                           const FlowMatchingOptions& options, std::uint64_t seed, std::size_t batch,
                           std::size_t first_step)
    : field_(field),
      validation_(validation_batches(data.validation, coupling, options, seed, batch)),
      next_step_(first_step),
      batches_([&] { return BatchMaker(not_empty(data.training), coupling, seed, batch, options.sigma); },
               first_step, options.producers, 4 * options.producers + 4) {}

StepLoss FlowMatching::loss_gradient(std::size_t step, std::span<float> gradient) {
  if (step != next_step_)
    throw UsageError("the batch of step {} is next, that of step {} was asked for", next_step_, step);
  ++next_step_;
  batches_.take(batch_);
  return {field_.loss_gradient(batch_.t, batch_.x, batch_.target, gradient), batch_.transport_cost, 0};
}

double FlowMatching::validation_loss() {
  if (validation_.empty()) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0;
  for (const TrainingBatch& batch : validation_) {
    Configurations<float> v = batch.x;
    field_.velocity(batch.t, batch.x, v);
    double square = 0;
    for (std::size_t k = 0; k < v.size(); ++k) {
      const double difference =
          static_cast<double>(v.data()[k]) - static_cast<double>(batch.target.data()[k]);
      square += difference * difference;
    }
    sum += square / static_cast<double>(v.size());
  }
  return sum / static_cast<double>(validation_.size());
}

}  // namespace equibolt
