#pragma once

#include <cstddef>
#include <span>

namespace equibolt {

/// What the batch of one step gave.
struct StepLoss {
  double loss = 0;            ///< mean over the batch; not finite where the step is not to be taken
  double transport_cost = 0;  ///< mean |x0 − x1|² of the pairs; 0 where there are none
  std::size_t left_out = 0;  ///< samples of the batch without a loss, which its mean and gradient are without
};

/// What a training minimises (trainer.h): it knows the data and holds the vector field whose θ is trained.
class Objective {
 public:
  virtual ~Objective() = default;

  /// Loss and gradient (θ) of the batch of step `step`, for the field as it is. The batch depends on `step`
  /// alone; it is the one after that of the last call, or that which the objective was told to begin with.
  virtual StepLoss loss_gradient(std::size_t step, std::span<float> gradient) = 0;

  /// The loss on held-out data, always the same batches; NaN where there is none.
  virtual double validation_loss() = 0;

  /// Seconds in all that loss_gradient has waited for data.
  virtual double waited_seconds() const { return 0; }
};

}  // namespace equibolt
