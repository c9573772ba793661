#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/threads.h"
#include "egnn/vector_field.h"
#include "train/objective.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace equibolt {

enum class Optimizer { adam, muon };  ///< optimizer.h, muon.h

struct TrainOptions {
  std::size_t steps = 0;    ///< length of the training; 0: as `minutes` says
  double minutes = 0;       ///< length of the training in time; 0: as `steps` says
  std::size_t batch = 256;  ///< samples per step
  Optimizer optimizer = Optimizer::adam;
  ScheduleOptions rate;
  AdamOptions adam;
  double clip = 0;     ///< largest norm of the gradient; 0: no limit
  double ema = 0.999;  ///< decay of the weight average that becomes the model; 0: the last weights do
  std::size_t log_every = 1000;
  double checkpoint_seconds = 120;   ///< between checkpoints
  std::size_t checkpoint_every = 0;  ///< steps between further checkpoints; 0: none
  const char* section = "train";     ///< of the config, for messages
};

/// Sums since the last line of metrics, and where the clocks stood then.
struct MetricsWindow {
  std::size_t steps = 0;
  double loss = 0;
  double gradient_norm = 0;
  double transport_cost = 0;
  double start_seconds = 0;
};

/// Everything that changes during training: what a checkpoint holds.
struct TrainState {
  std::size_t step = 0;           ///< steps done
  std::vector<float> parameters;  ///< θ
  std::vector<double> average;    ///< exponential moving average of θ; equal to θ when there is none
  AdamState adam;
  std::size_t skipped = 0;   ///< steps left out since loss or gradient were not finite
  std::size_t left_out = 0;  ///< samples that had no loss, of all batches
  double seconds = 0;        ///< time spent
  MetricsWindow window;
};

/// One line of metrics.jsonl.
struct TrainMetrics {
  std::size_t step = 0;
  double loss = 0;             ///< mean since the last line
  double validation_loss = 0;  ///< of the weight average, on fixed pairs of held-out data; NaN without data
  double gradient_norm = 0;    ///< mean since the last line
  double rate = 0;
  double transport_cost = 0;  ///< mean |x0 − x1|² since the last line
  std::size_t skipped = 0;    ///< steps in all
  std::size_t left_out = 0;   ///< samples in all
  double samples_per_second = 0;
  double waiting = 0;  ///< fraction of the time in which the trainer waited for pairs
  double seconds = 0;
};

struct TrainHooks {
  std::function<void(const TrainMetrics&)> log;               ///< every log_every steps and at the end
  std::function<void(const TrainState&)> checkpoint;          ///< as the options say, and at the end
  std::function<void(double, const TrainMetrics&)> progress;  ///< fraction done; after every step
  std::function<bool()> stop;                                 ///< true: write a checkpoint and return
  std::function<bool()> checkpoint_requested;                 ///< true: write a checkpoint and go on
};

/// Fresh parameters: state at step 0.
TrainState start_training(std::vector<float> parameters);

/// The average in the precision of networks: what becomes the model.
std::vector<float> averaged_parameters(const TrainState& state);

/// Trains `field` for `objective`, which holds it, from `state` on, to the end that `options` set or until
/// hooks.stop says so; returns whether the end was reached. A step whose loss is not finite or whose
/// gradient's norm is not below 1e18 is left out and counted; ten in a row throw NumericalError. `pool` is
/// for the optimizer; the field may use the same.
bool train(VectorField& field, Objective& objective, const TrainOptions& options, ThreadPool& pool,
           TrainState& state, const TrainHooks& hooks);

}  // namespace equibolt
