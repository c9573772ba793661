#include "analyze/weights.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>

#include "analyze/log_space.h"
#include "core/random.h"

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

/// P(x > y) = (1 + k y/σ)^(−1/k).
struct GeneralisedPareto {
  double shape = 0;  ///< k
  double scale = 0;  ///< σ; 0 where the distribution could not be determined

  double draw(Random& random) const {
    const double log_u = std::log(random.uniform());
    return std::abs(shape) < 1e-9 ? -scale * log_u : scale * std::expm1(-shape * log_u) / shape;
  }
};

/// Zhang and Stephens' estimate for exceedances x ≥ 0, ascending, with the weak prior of the PSIS paper,
/// which pulls k towards ½ by as much as ten observations would.
GeneralisedPareto generalised_pareto(std::span<const double> x) {
  const auto n = static_cast<double>(x.size());
  const double quartile = x[static_cast<std::size_t>(n / 4 + 0.5) - 1];
  if (!(x.back() > 0)) return {0, 0};
  if (!(quartile > 0)) return {infinity, 0};  // more than the range of a double between the tail's weights
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
  const double k = shape(posterior_mean);
  return {(n * k + prior_count * 0.5) / (n + prior_count), -k / posterior_mean};
}

/// The weights in units of the largest, descending, and what their tail is like.
struct FittedTail {
  std::vector<double> weights;  ///< (N,)
  std::size_t size = 0;         ///< how many of them are in the tail
  GeneralisedPareto excess;     ///< over the largest weight outside the tail
};

/// Nothing where fewer than 25 weights are not zero.
std::optional<FittedTail> fitted_tail(std::span<const double> log_weights) {
  FittedTail tail{scaled_weights(log_weights), 0, {}};
  const auto n =
      static_cast<double>(std::ranges::count_if(log_weights, [](double w) { return w > -infinity; }));
  if (n < 25) return {};
  std::ranges::sort(tail.weights, std::greater<>());
  tail.size = static_cast<std::size_t>(std::ceil(std::min(n / 5, 3 * std::sqrt(n))));
  std::vector<double> x(tail.size);
  for (std::size_t k = 0; k < tail.size; ++k)
    x[tail.size - 1 - k] = tail.weights[k] - tail.weights[tail.size];
  tail.excess = generalised_pareto(x);
  return tail;
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
  require_count(options.repetitions, 2, "bootstrap: repetitions");
  const double fraction = kish_fraction(log_weights);
  if (!(fraction > 0)) throw_all_zero(log_weights.size());
  const std::optional<FittedTail> tail = fitted_tail(log_weights);
  const bool smooth = tail && std::isfinite(tail->excess.shape) && tail->excess.scale > 0;
  const std::vector<double> weights = tail ? tail->weights : scaled_weights(log_weights);
  std::vector<double> fractions(options.repetitions);
  for (std::size_t r = 0; r < fractions.size(); ++r) {
    Random random(options.seed, Stream::bootstrap, r);
    GeneralisedPareto excess;
    if (smooth) {
      // The tail's shape is known to its standard error alone, (1 + k)/√M, with the prior's ten observations.
      // Of that, a part: without it errors are up to 1.6 times too small for weights of real flows, and with
      // the whole up to twice too large for log-normal ones (docs/calibration.md).
      constexpr double part = 0.7;
      const double observations = static_cast<double>(tail->size) + 10;
      excess = tail->excess;
      excess.shape += part * (1 + std::max(excess.shape, 0.0)) / std::sqrt(observations) * random.normal();
    }
    fractions[r] = kish(weights.size(), [&](std::size_t) {
      const std::size_t k = random.below(weights.size());
      return smooth && k < tail->size ? weights[tail->size] + excess.draw(random) : weights[k];
    });
  }
  return {fraction, standard_deviation(fractions)};
}

double trimmed_kish_fraction(std::span<const double> log_weights, double share) {
  if (!(share >= 0 && share < 1)) throw DataError("trimmed weights: a share of {}, expected 0 to 1", share);
  std::vector<double> weights = scaled_weights(log_weights);
  std::ranges::sort(weights);
  const auto dropped = static_cast<std::size_t>(std::ceil(share * static_cast<double>(weights.size())));
  return kish(weights.size() - dropped, [&](std::size_t k) { return weights[k]; });
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
    if (parts.size() >= 8) {
      fractions.push_back({n, mean(parts)});
      continue;
    }
    // Zero weights may fill a part.
    const double error = parts[0] > 0 ? kish_fraction(log_weights.first(n), options).error : infinity;
    fractions.push_back({n, {average(parts), error / std::sqrt(static_cast<double>(parts.size()))}});
  }
  return fractions;
}

double pareto_k(std::span<const double> log_weights) {
  require_log_weights(log_weights);
  const std::optional<FittedTail> tail = fitted_tail(log_weights);
  return tail ? tail->excess.shape : infinity;
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

WeightVerdict weight_verdict(const WeightQuality& quality, std::span<const FractionAtSize> against_size,
                             std::optional<double> forward) {
  require_count(against_size.size(), 1, "fractions against size");
  const auto [n, fraction] = against_size[0];
  std::string doubt = quality.doubt();
  if (doubt.empty() && !(fraction.error <= 0.25 * fraction.value)) {
    doubt = fmt::format(
        "{} samples are too few: their ESS of {:.1f} % is known to no better than {:.0f} % of "
        "itself",
        n, 100 * fraction.value, 100 * fraction.error / fraction.value);
  }
  if (doubt.empty() && against_size.size() > 2 &&
      !(fraction.value >= 0.75 * against_size[2].fraction.value)) {
    doubt = fmt::format("their ESS falls as n grows, from {:.1f} % of {} to {:.1f} % of {}",
                        100 * against_size[2].fraction.value, against_size[2].n, 100 * fraction.value, n);
  }
  if (doubt.empty() && forward && !(*forward >= 0.5 * fraction.value)) {
    doubt = fmt::format(
        "samples of the target see an ESS of {:.2g} %, and those of the flow one of {:.2g} %: "
        "the flow hardly visits a part of the target",
        100 * *forward, 100 * fraction.value);
  }
  if (!doubt.empty()) return {false, "the weights cannot be trusted, because " + doubt};
  return {true, fmt::format("the weights can be trusted: Pareto k {:.2f}, ESS {:.1f} % of {}, {}",
                            quality.pareto_k, 100 * fraction.value, n,
                            forward ? fmt::format("{:.1f} % as seen from the target", 100 * *forward)
                                    : "no samples of the target to compare with")};
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
