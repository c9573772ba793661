#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace equibolt {

double learning_rate(const ScheduleOptions& options, double progress) {
  progress = std::clamp(progress, 0.0, 1.0);
  if (progress < options.warmup) return options.peak * progress / options.warmup;
  progress = (progress - options.warmup) / std::max(1 - options.warmup, 1e-12);
  const double range = options.peak - options.final;
  switch (options.schedule) {
    case Schedule::constant:
      return options.peak;
    case Schedule::step:
      return progress < 0.5 ? options.peak : options.final;
    case Schedule::linear:
      return options.final + range * (1 - progress);
    case Schedule::cosine:
      break;
  }
  return options.final + range * 0.5 * (1 + std::cos(std::numbers::pi * progress));
}

}  // namespace equibolt
