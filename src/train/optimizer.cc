#include "train/optimizer.h"

#include <algorithm>
#include <cmath>

namespace equibolt {

void adam_step(const AdamOptions& options, double rate, std::span<const float> gradient, AdamState& state,
               std::span<float> parameters) {
  ++state.steps;
  adam_update(options, rate, gradient, state, 0, parameters.size(), parameters);
}

void adam_update(const AdamOptions& options, double rate, std::span<const float> gradient, AdamState& state,
                 std::size_t first, std::size_t count, std::span<float> parameters) {
  const double step = static_cast<double>(state.steps);
  const double correction1 = 1 - std::pow(options.beta1, step);
  const double correction2 = 1 - std::pow(options.beta2, step);
  const auto beta1 = static_cast<float>(options.beta1);
  const auto beta2 = static_cast<float>(options.beta2);
  const auto scale = static_cast<float>(rate / correction1);
  const auto root_scale = static_cast<float>(1 / std::sqrt(correction2));
  const auto epsilon = static_cast<float>(options.epsilon);
  const auto keep = static_cast<float>(1 - rate * options.weight_decay);
  for (std::size_t k = first; k < first + count; ++k) {
    const float g = gradient[k];
    state.first[k] = beta1 * state.first[k] + (1 - beta1) * g;
    state.second[k] = beta2 * state.second[k] + (1 - beta2) * g * g;
    parameters[k] =
        keep * parameters[k] - scale * state.first[k] / (std::sqrt(state.second[k]) * root_scale + epsilon);
  }
}

double gradient_norm(std::span<const float> gradient) {
  double square = 0;
  for (const float g : gradient) square += static_cast<double>(g) * static_cast<double>(g);
  return std::sqrt(square);
}

void update_average(double decay, std::size_t step, std::span<const float> parameters,
                    std::span<double> average) {
  if (decay == 0) {
    std::copy(parameters.begin(), parameters.end(), average.begin());
    return;
  }
  const double n = static_cast<double>(step);
  const double blend = 1 - std::min(decay, (1 + n) / (10 + n));
  for (std::size_t k = 0; k < average.size(); ++k) {
    average[k] += blend * (static_cast<double>(parameters[k]) - average[k]);
  }
}

}  // namespace equibolt
