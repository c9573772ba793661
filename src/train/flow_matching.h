#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "egnn/precision.h"
#include "egnn/vector_field.h"
#include "train/batches_ahead.h"
#include "train/objective.h"

namespace equibolt {

struct FlowMatchingOptions {
  PrecisionChoice precision =
      PrecisionChoice::fp32;           ///< of the gradients' products; who makes the field minds it
  double sigma = 0.01;                 ///< σ of x_t (paper, eq. 11)
  std::size_t validation_batches = 8;  ///< of held-out data
  std::size_t producers = 1;           ///< background threads that make pairs
};

struct TrainingData {
  ConfigurationsView<const float> training;    ///< (n, N, D), mean-free
  ConfigurationsView<const float> validation;  ///< held out; may be empty
};

/// Flow matching (paper, eq. 8, 10 and 11): the mean over batch and coordinates of (v(t, x_t) − (x1 − x0))²,
/// for pairs of prior and data that a coupling makes.
class FlowMatching final : public Objective {
 public:
  /// `field` and the data have to outlive this; the first batch wanted is that of `first_step`. Throws
  /// DataError where there is no training data.
  FlowMatching(VectorField& field, const TrainingData& data, const Coupling& coupling,
               const FlowMatchingOptions& options, std::uint64_t seed, std::size_t batch,
               std::size_t first_step);

  StepLoss loss_gradient(std::size_t step, std::span<float> gradient) override;
  double validation_loss() override;
  double waited_seconds() const override { return batches_.waited_seconds(); }

 private:
  VectorField& field_;
  std::vector<TrainingBatch> validation_;  // fixed for the whole training
  std::size_t next_step_;
  BatchesAhead batches_;
  TrainingBatch batch_;
};

}  // namespace equibolt
