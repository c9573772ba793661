// Whether the error bars of an evaluation are honest: calibration SAMPLES.npz TEST.npz N [LOG_Z]
//
// Splits samples of a flow and held-out configurations with densities (the files of an evaluation's folder)
// into up to 100 disjoint sets of N each, computes every estimate from each pair of sets, and prints for each
// estimate, one JSON object per line, how its values scatter in units of their own errors: about the exact
// ln(Z/Z_prior) LOG_Z, where it is given and meant, else about their mean. tests/calibration.py makes the
// files and a table.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "analyze/likelihood.h"
#include "analyze/two_sided.h"
#include "analyze/weights.h"
#include "equibolt/error.h"
#include "runs/sampling.h"

namespace equibolt {
namespace {

/// What the estimates need of samples.
struct Series {
  std::vector<double> log_weight, energy, log_density, distance;

  Series block(std::size_t first, std::size_t n) const {
    const auto part = [&](const std::vector<double>& of) {
      const auto begin = of.begin() + static_cast<std::ptrdiff_t>(first);
      return std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(n));
    };
    return {part(log_weight), part(energy), part(log_density), part(distance)};
  }
};

/// The mean distance of two particles.
double mean_distance(std::span<const double> x, std::size_t dim) {
  const std::size_t particles = x.size() / dim;
  double sum = 0;
  for (std::size_t i = 0; i < particles; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      double square = 0;
      for (std::size_t k = 0; k < dim; ++k) square += std::pow(x[i * dim + k] - x[j * dim + k], 2);
      sum += std::sqrt(square);
    }
  }
  return 2 * sum / static_cast<double>(particles * (particles - 1));
}

Series series_of(const WeightedSamples& samples) {
  if (samples.failed() > 0) throw DataError("{} samples failed", samples.failed());
  const double constant = prior_log_normalisation(samples.x.particles(), samples.x.dim());
  Series series{samples.log_weight, samples.energy, {}, {}};
  for (std::size_t b = 0; b < samples.x.count(); ++b) {
    series.log_density.push_back(samples.log_density[b] + constant);
    series.distance.push_back(mean_distance(samples.x[b], samples.x.dim()));
  }
  return series;
}

std::vector<double> inside(const std::vector<double>& values, double low, double high) {
  std::vector<double> is_inside;
  for (const double value : values) is_inside.push_back(value >= low && value < high ? 1 : 0);
  return is_inside;
}

std::vector<char> above(const std::vector<double>& values, double low) {
  std::vector<char> is_above;
  for (const double value : values) is_above.push_back(value >= low ? 1 : 0);
  return is_above;
}

/// Estimates by name; those without an error bar are left out.
std::map<std::string, Estimate> estimates_of(const Series& flow, const Series& test, double log_z,
                                             const std::vector<double>& quantiles, std::uint64_t seed) {
  const WeightQuality quality = weight_quality(flow.log_weight);
  std::map<std::string, Estimate> estimates;
  const auto put = [&](const char* name, const Estimate& estimate) {
    if (std::isfinite(estimate.value) && std::isfinite(estimate.error) && estimate.error > 0)
      estimates[name] = estimate;
  };
  put("log_z", quality.judged(log_mean_weight(flow.log_weight)));
  put("ess", quality.judged(kish_fraction(flow.log_weight, Bootstrap{.seed = seed, .repetitions = 100})));
  put("energy", quality.judged(reweighted_mean(flow.log_weight, flow.energy)));
  const TwoSided two_sided = two_sided_log_z(flow.log_weight, test.log_weight, seed);
  if (two_sided.log_z) {
    put("log_z_bar", *two_sided.log_z);
    put("log_z_bar, error by bootstrap", {two_sided.log_z->value, two_sided.bootstrap_error});
  }
  put("kl", divergence_from_target({-log_z, 0}, test.energy, test.log_density));
  // F(ξ) of the mean distance in the bin from the 20th to the 40th percentile of the test data, and ΔF of the
  // state above the 80th.
  const Estimate bin =
      quality.judged(reweighted_mean(flow.log_weight, inside(flow.distance, quantiles[0], quantiles[1])));
  put("F", {-std::log(bin.value), bin.error / bin.value});
  const Estimate state =
      quality.judged(reweighted_mean(flow.log_weight, inside(flow.distance, quantiles[2], INFINITY)));
  put("delta_F", {-std::log(state.value / (1 - state.value)), state.error / state.value / (1 - state.value)});
  const std::vector<char> flow_in = above(flow.distance, quantiles[2]),
                          test_in = above(test.distance, quantiles[2]);
  const TwoSidedDifference difference =
      two_sided_free_energy({flow.log_weight, flow_in}, {test.log_weight, test_in}, seed);
  if (difference.free_energy) put("delta_F_bar", *difference.free_energy);
  return estimates;
}

void print(const std::string& name, std::size_t n, std::size_t repetitions,
           const std::vector<Estimate>& found, std::optional<double> exact) {
  nlohmann::ordered_json json{{"estimate", name},
                              {"n", n},
                              {"repetitions", repetitions},
                              {"without_error_bar", repetitions - found.size()}};
  if (found.size() >= 10) {
    std::vector<double> values, errors;
    for (const Estimate& e : found) {
      values.push_back(e.value);
      errors.push_back(e.error);
    }
    const double centre = exact.value_or(average(values));
    double squares = 0, within = 0;
    for (const Estimate& e : found) {
      const double z = (e.value - centre) / e.error;
      squares += z * z;
      within += std::abs(z) < 1.96 ? 1 : 0;
    }
    const auto count = static_cast<double>(found.size());
    json.update({{"about", exact ? "exact" : "mean"},
                 {"centre", centre},
                 {"mean", average(values)},
                 {"deviation", standard_deviation(values)},
                 {"mean_error", average(errors)},
                 {"z_deviation", std::sqrt(squares / (exact ? count : count - 1))},
                 {"within_95", within / count}});
  }
  fmt::print("{}\n", json.dump());
}

void calibrate(const std::string& samples, const std::string& densities, std::size_t n,
               std::optional<double> exact) {
  const Series flow = series_of(read_samples(samples)), test = series_of(read_samples(densities));
  const std::size_t repetitions =
      std::min<std::size_t>({100, flow.energy.size() / n, test.energy.size() / n});
  const double log_z = exact ? *exact : two_sided_log_z(flow.log_weight, test.log_weight).log_z.value().value;
  std::vector<double> sorted = test.distance;
  std::ranges::sort(sorted);
  const std::vector<double> quantiles{quantile(sorted, 0.2), quantile(sorted, 0.4), quantile(sorted, 0.8)};
  std::map<std::string, std::vector<Estimate>> found;
  for (std::size_t r = 0; r < repetitions; ++r) {
    for (const auto& [name, estimate] :
         estimates_of(flow.block(r * n, n), test.block(r * n, n), log_z, quantiles, r))
      found[name].push_back(estimate);
  }
  for (const auto& [name, estimates] : found)
    print(name, n, repetitions, estimates, name.starts_with("log_z") ? std::optional(log_z) : std::nullopt);
}

}  // namespace
}  // namespace equibolt

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) {
    fmt::print(stderr, "usage: calibration SAMPLES.npz TEST.npz N [LOG_Z]\n");
    return 2;
  }
  try {
    equibolt::calibrate(argv[1], argv[2], std::strtoull(argv[3], nullptr, 10),
                        argc == 5 ? std::optional(std::atof(argv[4])) : std::nullopt);
  } catch (const equibolt::Error& error) {
    fmt::print(stderr, "calibration: {}\n", error.what());
    return static_cast<int>(error.code());
  }
}
