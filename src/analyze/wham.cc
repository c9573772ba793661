#include "analyze/wham.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "equibolt/error.h"

namespace equibolt {

Wham wham(std::span<const double> counts, std::span<const double> samples, std::span<const double> bias,
          std::span<const double> start, double tolerance) {
  const std::size_t bins = counts.size(), states = samples.size();
  if (bins == 0 || states == 0 || bias.size() != bins * states ||
      (!start.empty() && start.size() != states)) {
    throw DataError("wham: {} bins, {} states, {} biases and {} starting values do not fit together", bins,
                    states, bias.size(), start.size());
  }
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  if (!(total > 0)) throw DataError("wham: no samples");

  std::vector<double> boltzmann(bias.size());  // exp(−bias)
  std::transform(bias.begin(), bias.end(), boltzmann.begin(), [](double b) { return std::exp(-b); });
  Wham result;
  result.probability.assign(bins, 0.0);
  result.free_energies.assign(states, 0.0);
  if (!start.empty()) result.free_energies.assign(start.begin(), start.end());
  std::vector<double> weight(states), sum(states);
  constexpr std::size_t most_iterations = 100000;
  for (; result.iterations < most_iterations && !result.converged; ++result.iterations) {
    for (std::size_t k = 0; k < states; ++k) weight[k] = samples[k] * std::exp(result.free_energies[k]);
    std::fill(sum.begin(), sum.end(), 0.0);
    double all = 0;
    for (std::size_t b = 0; b < bins; ++b) {
      if (!(counts[b] > 0)) continue;
      double denominator = 0;
      for (std::size_t k = 0; k < states; ++k) denominator += weight[k] * boltzmann[k * bins + b];
      const double p = counts[b] / denominator;
      result.probability[b] = p;
      all += p;
      for (std::size_t k = 0; k < states; ++k) sum[k] += p * boltzmann[k * bins + b];
    }
    double change = 0;
    for (std::size_t k = 0; k < states; ++k) {
      const double next = -std::log(sum[k] / all);
      change = std::max(change, std::abs(next - result.free_energies[k]));
      result.free_energies[k] = next;
    }
    for (double& p : result.probability) p /= all;
    result.converged = change < tolerance;
  }
  return result;
}

}  // namespace equibolt
