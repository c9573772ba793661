#pragma once

namespace equibolt {

/// How the learning rate goes from its peak to its end with the progress of the training, of what follows the
/// warm-up.
enum class Schedule {
  constant,  ///< the peak throughout
  step,      ///< the peak for the first half, then the final rate (the paper's)
  linear,    ///< a straight line from the peak to the final rate
  cosine,    ///< half a period of a cosine from the peak to the final rate
};

struct ScheduleOptions {
  Schedule schedule = Schedule::cosine;
  double peak = 1e-3;
  double final = 0;
  double warmup = 0;  ///< fraction of the training during which the rate rises linearly from 0
};

/// The learning rate at `progress` in [0, 1] of the training, warm-up included.
double learning_rate(const ScheduleOptions& options, double progress);

}  // namespace equibolt
