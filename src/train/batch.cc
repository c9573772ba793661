#include "train/batch.h"

#include <algorithm>

#include "core/geometry.h"

namespace equibolt {

BatchMaker::BatchMaker(ConfigurationsView<const float> data, const Coupling& coupling, std::uint64_t seed,
                       std::size_t batch, double sigma)
    : data_(data),
      coupling_(coupling.clone()),
      seed_(seed),
      batch_(batch),
      sigma_(static_cast<float>(sigma)),
      order_(data.count(), seed),
      prior_(batch, data.particles(), data.dim()),
      chosen_(prior_),
      x0_(prior_),
      x1_(prior_),
      noise_(1, data.particles(), data.dim()) {}

void BatchMaker::make(std::size_t step, TrainingBatch& out) {
  for (std::size_t b = 0; b < batch_; ++b) {
    const auto from = data_[order_[step * batch_ + b]];
    std::copy(from.begin(), from.end(), chosen_[b].begin());
    Random random(seed_, Stream::batch_prior, step, b);
    mean_free_normal(random, prior_[b], data_.dim());
  }
  Random pairing(seed_, Stream::batch_plan, step);
  out.transport_cost = coupling_->pair(prior_, chosen_, pairing, x0_, x1_);
  interpolate(step, out);
}

void BatchMaker::interpolate(std::size_t step, TrainingBatch& out) {
  out.t.resize(batch_);
  if (out.x.size() != x0_.size()) out.x = out.target = x0_;
  for (std::size_t b = 0; b < batch_; ++b) {
    const float t = static_cast<float>(Random(seed_, Stream::batch_time, step, b).uniform());
    out.t[b] = t;
    if (sigma_ > 0) {
      Random random(seed_, Stream::batch_noise, step, b);
      mean_free_normal(random, noise_[0], data_.dim());
    }
    for (std::size_t j = 0; j < data_.coordinates(); ++j) {
      const float from = x0_[b][j], to = x1_[b][j];
      out.x[b][j] = (1 - t) * from + t * to + sigma_ * noise_[0][j];
      out.target[b][j] = to - from;
    }
  }
}

}  // namespace equibolt
