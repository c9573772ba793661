#include "simulate/diagnostics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace equibolt {
namespace {

struct Moments {
  double mean, variance;  // variance with n − 1
};

Moments moments_of(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value;
  const double mean = sum / n;
  double square = 0;
  for (const double value : values) square += (value - mean) * (value - mean);
  return {mean, square / (n - 1)};
}

}  // namespace

std::vector<std::vector<double>> series_of(std::span<const double> values, std::size_t chains,
                                           std::size_t columns, std::size_t column) {
  const std::size_t length = values.size() / (chains * columns);
  std::vector<std::vector<double>> series(chains, std::vector<double>(length));
  for (std::size_t t = 0; t < length; ++t) {
    for (std::size_t c = 0; c < chains; ++c) series[c][t] = values[(t * chains + c) * columns + column];
  }
  return series;
}

double autocorrelation_time(std::span<const std::vector<double>> chains) {
  double sum = 0;
  std::size_t count = 0;
  std::size_t length = std::numeric_limits<std::size_t>::max();
  for (const auto& chain : chains) {
    for (const double value : chain) sum += value;
    count += chain.size();
    length = std::min(length, chain.size());
  }
  const double mean = sum / static_cast<double>(count);
  const auto covariance = [&](std::size_t lag) {
    double products = 0;
    std::size_t pairs = 0;
    for (const auto& chain : chains) {
      for (std::size_t t = 0; t + lag < chain.size(); ++t)
        products += (chain[t] - mean) * (chain[t + lag] - mean);
      pairs += chain.size() - lag;
    }
    return products / static_cast<double>(pairs);
  };
  const double variance = covariance(0);
  if (!(variance > 0)) return 1;
  // Sokal's window: lags up to 5 times the result, beyond which there is little but noise.
  double time = 1;
  for (std::size_t lag = 1; lag < length && static_cast<double>(lag) < 5 * time; ++lag) {
    time += 2 * covariance(lag) / variance;
  }
  return std::max(time, 1.0);
}

double split_r_hat(std::span<const std::vector<double>> chains) {
  std::vector<double> means;
  double within = 0;
  double length = 0;
  for (const auto& chain : chains) {
    const std::size_t half = chain.size() / 2;
    if (half < 2) return std::numeric_limits<double>::quiet_NaN();
    for (const auto part : {std::span(chain).first(half), std::span(chain).last(half)}) {
      const Moments moments = moments_of(part);
      means.push_back(moments.mean);
      within += moments.variance;
    }
    length = static_cast<double>(half);
  }
  within /= static_cast<double>(means.size());
  const double between = moments_of(means).variance;  // B/n
  return std::sqrt((length - 1) / length + between / within);
}

Estimate estimate_of(std::span<const std::vector<double>> chains) {
  std::vector<double> all;
  std::vector<double> means;
  for (const auto& chain : chains) {
    all.insert(all.end(), chain.begin(), chain.end());
    means.push_back(moments_of(chain).mean);
  }
  const Moments moments = moments_of(all);
  const double time = autocorrelation_time(chains);
  const double effective = static_cast<double>(all.size()) / time;
  return {.value = moments.mean,
          .error = std::sqrt(moments.variance / effective),
          .chain_error = std::sqrt(moments_of(means).variance / static_cast<double>(means.size())),
          .autocorrelation_time = time,
          .effective_samples = effective,
          .r_hat = split_r_hat(chains)};
}

}  // namespace equibolt
