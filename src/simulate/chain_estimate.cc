#include "simulate/chain_estimate.h"

#include <cmath>

#include "analyze/autocorrelation.h"

namespace equibolt {

std::vector<std::vector<double>> series_of(std::span<const double> values, std::size_t chains,
                                           std::size_t columns, std::size_t column) {
  const std::size_t length = values.size() / (chains * columns);
  std::vector<std::vector<double>> series(chains, std::vector<double>(length));
  for (std::size_t t = 0; t < length; ++t) {
    for (std::size_t c = 0; c < chains; ++c) series[c][t] = values[(t * chains + c) * columns + column];
  }
  return series;
}

ChainEstimate estimate_of(std::span<const std::vector<double>> chains) {
  std::vector<double> all;
  std::vector<double> means;
  for (const auto& chain : chains) {
    all.insert(all.end(), chain.begin(), chain.end());
    means.push_back(mean(chain).value);
  }
  const double effective = effective_sample_size(chains);
  const double time = static_cast<double>(all.size()) / effective;
  const Estimate independent = mean(all);
  return {.estimate = {independent.value, independent.error * std::sqrt(time)},
          .chain_error = mean(means).error,
          .autocorrelation_time = time,
          .effective_samples = effective,
          .r_hat = split_r_hat(chains)};
}

ChainEstimate weighted_estimate_of(std::span<const std::vector<double>> chains,
                                   std::span<const std::vector<double>> weights) {
  double sum = 0, weight = 0, count = 0;
  for (std::size_t c = 0; c < chains.size(); ++c) {
    for (std::size_t t = 0; t < chains[c].size(); ++t) {
      sum += weights[c][t] * chains[c][t];
      weight += weights[c][t];
      count += 1;
    }
  }
  const double mean = sum / weight;
  std::vector<std::vector<double>> series(chains.begin(), chains.end());
  for (std::size_t c = 0; c < chains.size(); ++c) {
    for (std::size_t t = 0; t < chains[c].size(); ++t)
      series[c][t] = mean + weights[c][t] * (count / weight) * (chains[c][t] - mean);
  }
  return estimate_of(series);
}

}  // namespace equibolt
