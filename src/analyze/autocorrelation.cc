#include "analyze/autocorrelation.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace equibolt {
namespace {

/// Σ_t (a_t − ā)(a_{t+lag} − ā) / n of a series from which ā is already subtracted.
double autocovariance(std::span<const double> centred, std::size_t lag) {
  double sum = 0;
  for (std::size_t t = 0; t + lag < centred.size(); ++t) sum += centred[t] * centred[t + lag];
  return sum / static_cast<double>(centred.size());
}

/// 1 + 2 Σ ρ_k by Geyer's initial monotone sequence: for a reversible chain the sums of neighbouring pairs
/// ρ_{2j} + ρ_{2j+1} are positive and decrease; the estimate stops where noise makes them negative.
template <typename Correlation>
double monotone_sum(std::size_t n, Correlation rho) {
  double sum = 0;
  double last = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k + 1 < n; k += 2) {
    const double pair = std::min(last, rho(k) + rho(k + 1));
    if (!(pair > 0)) break;
    sum += pair;
    last = pair;
  }
  // Strongly alternating chains can do better than independent values; noise must not make it much better.
  return std::max(2 * sum - 1, 1 / std::log10(static_cast<double>(std::max<std::size_t>(n, 10))));
}

std::vector<double> centred(std::span<const double> series) {
  const double mean = average(series);
  std::vector<double> out(series.begin(), series.end());
  for (double& value : out) value -= mean;
  return out;
}

/// The first and last halves of each chain (without the middle step of an odd number), and what all need.
struct HalfChains {
  std::vector<std::vector<double>> centred;
  std::size_t length = 0;
  double within = 0;   ///< W, mean of the variances
  double between = 0;  ///< B / length, variance of the means
  /// var⁺, which overestimates the variance until the chains agree.
  double pooled() const {
    const auto n = static_cast<double>(length);
    return (n - 1) / n * within + between;
  }
};

HalfChains split(std::span<const std::vector<double>> chains) {
  require_count(chains.size(), 1, "chains");
  HalfChains halves;
  halves.length = chains[0].size() / 2;
  std::vector<double> means;
  for (std::size_t c = 0; c < chains.size(); ++c) {
    require_count(chains[c].size(), 8, "chain");
    require_finite(chains[c], "chain");
    if (chains[c].size() != chains[0].size()) {
      throw DataError("chain {} has {} steps, chain 0 has {}", c, chains[c].size(), chains[0].size());
    }
    const std::span<const double> chain(chains[c]);
    for (const auto half : {chain.first(halves.length), chain.last(halves.length)}) {
      means.push_back(average(half));
      halves.centred.push_back(centred(half));
    }
  }
  const auto n = static_cast<double>(halves.length);
  const auto m = static_cast<double>(halves.centred.size());
  for (const auto& half : halves.centred) halves.within += autocovariance(half, 0) * n / (n - 1) / m;
  const double centre = average(means);
  for (const double mean : means) halves.between += (mean - centre) * (mean - centre) / (m - 1);
  return halves;
}

}  // namespace

double autocorrelation_time(std::span<const double> series) {
  require_count(series.size(), 4, "series");
  require_finite(series, "series");
  const auto n = static_cast<double>(series.size());
  const std::vector<double> values = centred(series);
  const double variance = autocovariance(values, 0);
  if (std::all_of(series.begin(), series.end(), [&](double value) { return value == series[0]; })) return n;
  const double time =
      monotone_sum(series.size(), [&](std::size_t lag) { return autocovariance(values, lag) / variance; });
  return std::min(time, n);
}

Estimate correlated_mean(std::span<const double> series) {
  require_finite(series, "series");
  const Estimate independent = mean(series);
  if (series.size() < 4) return independent;
  return {independent.value, independent.error * std::sqrt(std::max(1.0, autocorrelation_time(series)))};
}

double effective_sample_size(std::span<const std::vector<double>> chains) {
  const HalfChains halves = split(chains);
  const double total = static_cast<double>(halves.length) * static_cast<double>(halves.centred.size());
  const double pooled = halves.pooled();
  if (!(pooled > 0)) return 1;
  const auto rho = [&](std::size_t lag) {
    if (lag == 0) return 1.0;
    double covariance = 0;
    for (const auto& half : halves.centred) covariance += autocovariance(half, lag);
    covariance /= static_cast<double>(halves.centred.size());
    return 1 - (halves.within - covariance) / pooled;
  };
  return total / std::min(monotone_sum(halves.length, rho), total);
}

double split_r_hat(std::span<const std::vector<double>> chains) {
  const HalfChains halves = split(chains);
  if (!(halves.pooled() > 0)) return 1;
  return std::sqrt(halves.pooled() / halves.within);
}

}  // namespace equibolt
