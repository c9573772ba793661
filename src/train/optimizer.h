#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace equibolt {

struct AdamOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  ///< decoupled (AdamW); 0 is plain Adam
};

/// Adam's moments, one of each per parameter, and the number of steps taken.
struct AdamState {
  std::vector<float> first;
  std::vector<float> second;
  std::size_t steps = 0;

  explicit AdamState(std::size_t parameters = 0) : first(parameters), second(parameters) {}
};

/// One step of Adam (Kingma and Ba 2015, algorithm 1; Loshchilov and Hutter 2019 for the decay):
/// parameters ← parameters − rate · (m̂ / (√v̂ + ε) + decay · parameters).
void adam_step(const AdamOptions& options, double rate, std::span<const float> gradient, AdamState& state,
               std::span<float> parameters);

/// The same for `count` parameters from `first`, of a step that state.steps counts already.
void adam_update(const AdamOptions& options, double rate, std::span<const float> gradient, AdamState& state,
                 std::size_t first, std::size_t count, std::span<float> parameters);

/// |gradient|, summed in double.
double gradient_norm(std::span<const float> gradient);

/// average ← decay · average + (1 − decay) · parameters, with the decay growing over the first steps, to
/// min(decay, (1 + step)/(10 + step)), so that the start is forgotten. In double: with a decay near 1 the
/// changes of a step are below the spacing of float32.
void update_average(double decay, std::size_t step, std::span<const float> parameters,
                    std::span<double> average);

}  // namespace equibolt
