#include "analyze/two_sided.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analyze/autocorrelation.h"
#include "analyze/bootstrap.h"
#include "analyze/free_energy.h"
#include "analyze/log_space.h"
#include "core/random.h"

namespace equibolt {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

void require_log_weights(std::span<const double> log_weights) {
  for (std::size_t k = 0; k < log_weights.size(); ++k) {
    if (!(log_weights[k] < infinity)) {
      throw NumericalError("samples of the flow: ln w of sample {} is {}", k, log_weights[k]);
    }
  }
}

/// ln f of Bennett's weights f = 1/(1 + exp(sign · (c − ln w))): sign +1 for samples of the flow, −1 for
/// those of the target.
std::vector<double> log_bennett_weights(std::span<const double> log_weights, double c, double sign) {
  std::vector<double> log_f(log_weights.size());
  for (std::size_t k = 0; k < log_f.size(); ++k) log_f[k] = log_fermi(sign * (c - log_weights[k]));
  return log_f;
}

/// exp(values) up to a factor, so that none of them overflows and the largest is 1.
std::vector<double> scaled_exp(std::vector<double> values) {
  const double top = *std::ranges::max_element(values);
  for (double& value : values) value = std::exp(value - top);
  return values;
}

/// (Σf)²/Σf².
double effective_number(std::span<const double> f) {
  double sum = 0, squares = 0;
  for (const double value : f) {
    sum += value;
    squares += value * value;
  }
  return sum * sum / squares;
}

/// n times the relative variance of the mean of independent f.
double relative_variance(std::span<const double> f) {
  const double spread = f.size() > 1 ? standard_deviation(f) / average(f) : infinity;
  return spread * spread;
}

double inefficiency_of(std::span<const double> series) {
  return series.size() < 4 ? 1 : std::max(1.0, autocorrelation_time(series));
}

/// The spread of ln(mean f of the flow) − ln(mean f of the target) over resampled sets. Bennett's estimate is
/// that and a constant for any constant in f, whose choice does not matter to first order.
double resampled_error(std::span<const double> flow, std::span<const double> target, std::size_t block,
                       std::uint64_t seed) {
  constexpr std::size_t repetitions = 100;
  std::vector<std::size_t> indices;
  const auto log_mean = [&](std::span<const double> f, std::size_t length, Random& random) {
    indices.resize(f.size());
    draw_blocks(indices, length, random);
    double sum = 0;
    for (const std::size_t k : indices) sum += f[k];
    return std::log(sum / static_cast<double>(f.size()));
  };
  std::vector<double> values(repetitions);
  for (std::size_t r = 0; r < repetitions; ++r) {
    Random random(seed, Stream::bootstrap, r, 1);
    values[r] = log_mean(flow, 1, random);
    values[r] -= log_mean(target, block, random);
  }
  return standard_deviation(values);
}

}  // namespace

TwoSided two_sided_log_z(std::span<const double> log_weights, std::span<const double> log_weights_of_target,
                         std::uint64_t seed) {
  require_log_weights(log_weights);
  require_finite(log_weights_of_target, "samples of the target: ln w");
  TwoSided result;
  if (log_weights_of_target.empty()) {
    result.refusal = "there are no samples of the target";
    return result;
  }
  if (std::ranges::none_of(log_weights, [](double w) { return w > -infinity; })) {
    result.refusal = fmt::format("all of the {} samples of the flow have weight zero", log_weights.size());
    return result;
  }
  std::vector<double> forward(log_weights.begin(), log_weights.end());
  for (double& work : forward) work = -work;
  const auto n_flow = static_cast<double>(log_weights.size());
  const auto n_target = static_cast<double>(log_weights_of_target.size());

  double log_z = 0;
  std::vector<double> f, f_target;
  for (int pass = 0; pass < 2; ++pass) {  // the second one knows how many samples of the target count
    const double log_ratio = std::log(n_flow * result.inefficiency / n_target);
    log_z = -bar(forward, log_weights_of_target, log_ratio).value;
    f = scaled_exp(log_bennett_weights(log_weights, log_z + log_ratio, 1));
    f_target = scaled_exp(log_bennett_weights(log_weights_of_target, log_z + log_ratio, -1));
    result.inefficiency = inefficiency_of(f_target);
  }
  const double g = result.inefficiency;
  // E_p[w/(w + Z)] and E_μ[Z/(w + Z)] are the same integral.
  result.overlap =
      0.5 * (std::exp(log_sum_exp(log_bennett_weights(log_weights, log_z, 1))) / n_flow +
             std::exp(log_sum_exp(log_bennett_weights(log_weights_of_target, log_z, -1))) / n_target);
  result.effective = std::min(effective_number(f), effective_number(f_target) / g);
  if (!(result.effective >= TwoSided::least_effective)) {
    result.refusal = fmt::format(
        "the flow and the target hardly overlap: the estimate would rest on {:.1f} of {} samples of the flow "
        "and {} of the target, expected at least {:.0f}",
        result.effective, log_weights.size(), log_weights_of_target.size(), TwoSided::least_effective);
    return result;
  }
  const double variance = relative_variance(f) / n_flow + g * relative_variance(f_target) / n_target;
  result.log_z = {log_z, std::sqrt(variance)};
  const auto block = static_cast<std::size_t>(std::ceil(g == 1 ? 1 : 4 * g));
  result.bootstrap_error =
      resampled_error(f, f_target, std::min(block, std::max<std::size_t>(1, f_target.size() / 4)), seed);
  return result;
}

TwoSidedDifference two_sided_free_energy(const StateSamples& flow, const StateSamples& target,
                                         std::uint64_t seed) {
  std::vector<double> flow_in[2], target_in[2];
  for (const auto& [from, to] : {std::pair{&flow, flow_in}, std::pair{&target, target_in}}) {
    if (from->in_state.size() != from->log_weights.size()) {
      throw DataError("{} samples with the states of {}", from->log_weights.size(), from->in_state.size());
    }
    for (std::size_t k = 0; k < from->log_weights.size(); ++k) {
      to[from->in_state[k] ? 1 : 0].push_back(from->log_weights[k]);
    }
  }
  TwoSidedDifference result;
  TwoSided* const both[] = {&result.rest, &result.state};
  for (int s = 0; s < 2; ++s) {
    const char* name = s == 0 ? "rest" : "state";
    if (flow_in[s].empty() || target_in[s].empty()) {
      result.refusal =
          fmt::format("no sample of the {} lies in the {}", flow_in[s].empty() ? "flow" : "target", name);
      return result;
    }
    *both[s] = two_sided_log_z(flow_in[s], target_in[s], seed);
    if (!both[s]->log_z) {
      result.refusal = fmt::format("in the {}, {}", name, both[s]->refusal);
      return result;
    }
  }
  const auto n_rest = static_cast<double>(flow_in[0].size());
  const auto n_state = static_cast<double>(flow_in[1].size());
  const Estimate c_rest = *result.rest.log_z, c_state = *result.state.log_z;
  // The shares are multinomial, and independent of what lies within the states.
  const double variance =
      1 / n_rest + 1 / n_state + c_rest.error * c_rest.error + c_state.error * c_state.error;
  result.free_energy = {-std::log(n_state / n_rest) - (c_state.value - c_rest.value), std::sqrt(variance)};
  return result;
}

}  // namespace equibolt
