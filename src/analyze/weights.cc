#include "analyze/weights.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "analyze/log_space.h"

namespace equibolt {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

void require_log_weights(std::span<const double> log_weights) {
  require_count(log_weights.size(), 1, "weights");
  for (std::size_t k = 0; k < log_weights.size(); ++k) {
    if (!(log_weights[k] < infinity))
      throw NumericalError("weights: ln w of sample {} is {}", k, log_weights[k]);
  }
}

[[noreturn]] void throw_all_zero(std::size_t count) {
  throw NumericalError("weights: all {} are zero", count);
}

/// w over the largest w; all zero if all weights are.
std::vector<double> scaled_weights(std::span<const double> log_weights) {
  require_log_weights(log_weights);
  const double top = *std::max_element(log_weights.begin(), log_weights.end());
  std::vector<double> weights(log_weights.size(), 0.0);
  if (top == -infinity) return weights;
  for (std::size_t k = 0; k < weights.size(); ++k) weights[k] = std::exp(log_weights[k] - top);
  return weights;
}

/// Kish's fraction of n weights, of which weight(k) is the k-th.
template <typename Weight>
double kish(std::size_t n, Weight weight) {
  double sum = 0;
  double squares = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const double w = weight(k);
    sum += w;
    squares += w * w;
  }
  return squares > 0 ? sum * sum / (static_cast<double>(n) * squares) : 0;
}

/// Zhang and Stephens' estimate of a generalised Pareto distribution's shape for exceedances x ≥ 0,
/// ascending, with the weak prior of the PSIS paper, which pulls k towards ½ by as much as ten observations
/// would.
double generalised_pareto_shape(std::span<const double> x) {
  const auto n = static_cast<double>(x.size());
  const double quartile = x[static_cast<std::size_t>(n / 4 + 0.5) - 1];
  if (!(x.back() > 0)) return 0;
  if (!(quartile > 0)) return infinity;  // more than the range of a double between the tail's weights
  const auto shape = [&](double theta) {
    double sum = 0;
    for (const double value : x) sum += std::log1p(-theta * value);
    return sum / n;
  };
  const auto candidates = static_cast<std::size_t>(30 + std::floor(std::sqrt(n)));
  std::vector<double> theta(candidates);
  std::vector<double> log_likelihood(candidates);
  for (std::size_t i = 0; i < candidates; ++i) {
    const double ratio = static_cast<double>(candidates) / (static_cast<double>(i) + 0.5);
    theta[i] = 1 / x.back() + (1 - std::sqrt(ratio)) / (3 * quartile);
    const double k = shape(theta[i]);
    log_likelihood[i] = n * (std::log(-theta[i] / k) - k - 1);
  }
  const double total = log_sum_exp(log_likelihood);
  double posterior_mean = 0;
  for (std::size_t i = 0; i < candidates; ++i)
    posterior_mean += theta[i] * std::exp(log_likelihood[i] - total);
  constexpr double prior_count = 10;
  return (n * shape(posterior_mean) + prior_count * 0.5) / (n + prior_count);
}

}  // namespace

std::vector<double> normalised_weights(std::span<const double> log_weights) {
  std::vector<double> weights = scaled_weights(log_weights);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (!(sum > 0)) throw_all_zero(weights.size());
  for (double& weight : weights) weight /= sum;
  return weights;
}

double kish_fraction(std::span<const double> log_weights) {
  const std::vector<double> weights = scaled_weights(log_weights);
  return kish(weights.size(), [&](std::size_t k) { return weights[k]; });
}

Estimate kish_fraction(std::span<const double> log_weights, const Bootstrap& options) {
  const std::vector<double> weights = scaled_weights(log_weights);
  const auto estimator = [&](std::span<const std::size_t> indices) {
    return kish(indices.size(), [&](std::size_t k) { return weights[indices[k]]; });
  };
  const double fraction = kish_fraction(log_weights);
  if (!(fraction > 0)) throw_all_zero(weights.size());
  return {fraction, bootstrap_error(weights.size(), estimator, options)};
}

double largest_share(std::span<const double> log_weights) {
  const std::vector<double> weights = scaled_weights(log_weights);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  return sum > 0 ? 1 / sum : 1;
}

Estimate log_mean_weight(std::span<const double> log_weights) {
  const double fraction = kish_fraction(log_weights);
  if (!(fraction > 0)) throw_all_zero(log_weights.size());
  const auto n = static_cast<double>(log_weights.size());
  // Var(w̄) / w̄² = (N Σ w² / (Σ w)² − 1) / (N − 1).
  const double relative = n > 1 ? std::max(1 / fraction - 1, 0.0) / (n - 1) : infinity;
  return {log_sum_exp(log_weights) - std::log(n), std::sqrt(relative)};
}

Estimate reweighted_mean(std::span<const double> log_weights, std::span<const double> values) {
  if (values.size() != log_weights.size()) {
    throw DataError("reweighted mean: {} values, {} weights", values.size(), log_weights.size());
  }
  const std::vector<double> weights = normalised_weights(log_weights);
  double mean = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (!(weights[k] > 0)) continue;
    if (!std::isfinite(values[k])) throw NumericalError("reweighted mean: value {} is {}", k, values[k]);
    mean += weights[k] * values[k];
  }
  double variance = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    if (weights[k] > 0) variance += weights[k] * weights[k] * (values[k] - mean) * (values[k] - mean);
  }
  const auto n = static_cast<double>(weights.size());
  return {mean, n > 1 ? std::sqrt(variance * n / (n - 1)) : infinity};
}

std::vector<FractionAtSize> kish_against_size(std::span<const double> log_weights, const Bootstrap& options) {
  constexpr std::size_t least = 100;
  std::vector<FractionAtSize> fractions = {{log_weights.size(), kish_fraction(log_weights, options)}};
  for (std::size_t n = log_weights.size() / 2; n >= least; n /= 2) {
    std::vector<double> parts;
    for (std::size_t first = 0; first + n <= log_weights.size(); first += n) {
      parts.push_back(kish_fraction(log_weights.subspan(first, n)));
    }
    fractions.push_back({n, mean(parts)});
  }
  return fractions;
}

double pareto_k(std::span<const double> log_weights) {
  require_log_weights(log_weights);
  std::vector<double> sorted;
  for (const double value : log_weights) {
    if (value > -infinity) sorted.push_back(value);
  }
  if (sorted.size() < 25) return infinity;
  const auto n = static_cast<double>(sorted.size());
  const auto tail = static_cast<std::size_t>(std::ceil(std::min(n / 5, 3 * std::sqrt(n))));
  const auto cut = sorted.begin() + static_cast<std::ptrdiff_t>(tail);
  std::partial_sort(sorted.begin(), cut + 1, sorted.end(), std::greater<>());
  // Exceedances over the greatest weight outside the tail, ascending.
  std::vector<double> x(tail);
  for (std::size_t k = 0; k < tail; ++k) {
    x[tail - 1 - k] = std::exp(sorted[k] - sorted[0]) - std::exp(*cut - sorted[0]);
  }
  return generalised_pareto_shape(x);
}

std::string WeightQuality::doubt() const {
  if (!(effective >= least_effective)) {
    return fmt::format("the weights are worth {:.1f} samples, and error bars need at least {:.0f}", effective,
                       least_effective);
  }
  if (!std::isfinite(pareto_k)) {
    return "the tail of the weights cannot be judged (their Pareto k is not defined)";
  }
  if (!(pareto_k <= largest_pareto_k)) {
    return fmt::format("the largest weights dominate (Pareto k = {:.2f}, above {})", pareto_k,
                       largest_pareto_k);
  }
  return {};
}

Estimate WeightQuality::judged(const Estimate& estimate) const {
  return {estimate.value, doubt().empty() ? estimate.error : infinity};
}

WeightQuality weight_quality(std::span<const double> log_weights) {
  return {static_cast<double>(log_weights.size()) * kish_fraction(log_weights), pareto_k(log_weights)};
}

double forward_kish_fraction(std::span<const double> log_weights_of_target_samples) {
  require_log_weights(log_weights_of_target_samples);
  std::vector<double> inverse(log_weights_of_target_samples.begin(), log_weights_of_target_samples.end());
  for (double& value : inverse) value = -value;
  const double log_n = std::log(static_cast<double>(inverse.size()));
  const double log_sum = log_sum_exp(log_weights_of_target_samples);
  if (log_sum == -infinity) return 0;
  return std::exp(2 * log_n - log_sum - log_sum_exp(inverse));
}

}  // namespace equibolt
