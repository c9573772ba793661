#include "runs/metrics.h"

#include <algorithm>
#include <cmath>

#include "analyze/autocorrelation.h"
#include "analyze/estimate.h"
#include "analyze/two_sided.h"
#include "analyze/wasserstein.h"
#include "analyze/weights.h"
#include "chemistry/dihedral.h"
#include "runs/json_numbers.h"
#include "transport/assignment.h"
#include "transport/matching.h"

namespace equibolt {
namespace {

using Json = nlohmann::ordered_json;
using Indices = std::vector<std::size_t>;

/// As many configurations as are paired exactly in some seconds.
std::size_t paired_configurations(std::size_t particles) {
  const auto n = static_cast<double>(particles);
  return static_cast<std::size_t>(std::clamp(std::sqrt(1e9 / (n * n * n)), 100.0, 500.0));
}
constexpr std::size_t kPairedAngles = 1000;
constexpr std::size_t kTorusBins = 36;  // of ten degrees

Configurations<float> chosen(const Configurations<double>& x, const Indices& indices) {
  Configurations<float> out(indices.size(), x.particles(), x.dim());
  for (std::size_t k = 0; k < indices.size(); ++k) {
    for (std::size_t c = 0; c < x.coordinates(); ++c) out[k][c] = static_cast<float>(x[indices[k]][c]);
  }
  return out;
}

/// n of the indices at equal distances.
Indices spread(const Indices& indices, std::size_t n) {
  Indices out(n);
  for (std::size_t k = 0; k < n; ++k) out[k] = indices[k * indices.size() / n];
  return out;
}

/// What is compared with one another, as indices: samples of the flow with a path, as they were drawn; the
/// halves of the test data.
struct Sets {
  Indices drawn, first, second;
};

Sets sets_of(const WeightedSamples& samples, const WeightedSamples& test) {
  Sets sets;
  for (std::size_t b = 0; b < samples.x.count(); ++b) {
    const auto x = samples.x[b];
    if (std::ranges::all_of(x, [](double value) { return std::isfinite(value); })) sets.drawn.push_back(b);
  }
  for (std::size_t b = 0; b < test.x.count(); ++b)
    (b < test.x.count() / 2 ? sets.first : sets.second).push_back(b);
  return sets;
}

/// A distance as drawn, reweighted, and between the halves of the test data, of n of each; distance(from,
/// indices, reference) is that of samples of the flow or of test data from the test data `reference`.
enum class From { flow, test };
template <typename Distance>
Json distances(const WeightedSamples& samples, const Sets& sets, std::size_t most, std::uint64_t seed,
               const Distance& distance) {
  const std::size_t n = std::min({most, sets.drawn.size(), sets.first.size(), sets.second.size()});
  const Indices reference = spread(sets.first, n);
  return {
      {"n", n},
      {"samples", number_json(distance(From::flow, spread(sets.drawn, n), reference))},
      {"reweighted", number_json(distance(From::flow, resampled(samples.log_weight, n, seed), reference))},
      {"floor", number_json(distance(From::test, spread(sets.second, n), reference))}};
}

std::vector<double> at(const std::vector<double>& values, const Indices& indices) {
  std::vector<double> out;
  for (const std::size_t k : indices) out.push_back(values[k]);
  return out;
}

bool all_finite(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

Json energy_distances(const WeightedSamples& samples, const WeightedSamples& test, const Sets& sets) {
  const std::vector<double> first = at(test.energy, sets.first), second = at(test.energy, sets.second);
  Json json{{"n", samples.x.count()}, {"n_test", first.size()}};
  json["samples"] = all_finite(samples.energy)
                        ? number_json(wasserstein2({.values = samples.energy}, {.values = first}))
                        : Json(nullptr);
  json["reweighted"] = number_json(wasserstein2({samples.energy, samples.log_weight}, {.values = first}));
  json["floor"] = number_json(wasserstein2({.values = second}, {.values = first}));
  return json;
}

/// (B, d) angles; NaN where the configuration is none.
std::vector<double> angles_of(const Configurations<double>& x, const std::vector<NamedDihedral>& dihedrals) {
  std::vector<double> angles;
  for (std::size_t b = 0; b < x.count(); ++b) {
    for (const NamedDihedral& d : dihedrals) angles.push_back(dihedral(x[b], d.atoms));
  }
  return angles;
}

std::vector<double> rows(const std::vector<double>& angles, std::size_t d, const Indices& indices) {
  std::vector<double> out;
  for (const std::size_t k : indices) out.insert(out.end(), &angles[k * d], &angles[k * d] + d);
  return out;
}

std::vector<double> column(const std::vector<double>& angles, std::size_t d, std::size_t c,
                           const Indices& indices) {
  std::vector<double> out;
  for (const std::size_t k : indices) out.push_back(angles[k * d + c]);
  return out;
}

/// Total variation of the maps of the first two dihedrals.
Json map_distances(const WeightedSamples& samples, const Sets& sets, const std::vector<double>& angles,
                   const std::vector<double>& test_angles, std::size_t d) {
  const auto map = [&](const std::vector<double>& of, const Indices& indices,
                       const std::vector<double>& log_weights) {
    return torus_map(column(of, d, 0, indices), column(of, d, 1, indices), log_weights, kTorusBins);
  };
  const std::vector<double> first = map(test_angles, sets.first, {});
  return {{"n", sets.drawn.size()},
          {"n_test", sets.first.size()},
          {"bins", kTorusBins},
          {"samples", number_json(total_variation(map(angles, sets.drawn, {}), first))},
          {"reweighted",
           number_json(total_variation(map(angles, sets.drawn, at(samples.log_weight, sets.drawn)), first))},
          {"floor", number_json(total_variation(map(test_angles, sets.second, {}), first))}};
}

void put_mean(Json& json, const std::string& name, const std::vector<double>& values) {
  const bool known = values.size() > 1 && all_finite(values);
  json[name] = known ? number_json(average(values)) : Json(nullptr);
  json[name + "_error"] = known ? number_json(correlated_mean(values).error) : Json(nullptr);
}

Json torus_distances(const WeightedSamples& samples, const Sets& sets, const std::vector<double>& angles,
                     const std::vector<double>& test_angles, std::size_t d, std::uint64_t seed) {
  return distances(samples, sets, kPairedAngles, seed,
                   [&](From from, const Indices& indices, const Indices& reference) {
                     return torus_wasserstein2(rows(from == From::flow ? angles : test_angles, d, indices),
                                               rows(test_angles, d, reference), d);
                   });
}

/// 1 in the state, 0 elsewhere; only of configurations that have its angles, whose log weights are appended.
std::vector<char> in_state(const WeightedSamples& samples, const MetricOptions& options,
                           std::vector<double>& log_weights) {
  const std::size_t d = options.dihedrals.size();
  const std::vector<double> angles = angles_of(samples.x, options.dihedrals);
  std::vector<char> inside;
  for (std::size_t b = 0; b < samples.x.count(); ++b) {
    const std::span<const double> own(&angles[b * d], d);
    const auto is_known = [&](const DihedralRange& range) { return std::isfinite(own[range.dihedral]); };
    if (!std::ranges::all_of(options.state->ranges, is_known)) continue;
    inside.push_back(options.state->contains(own) ? 1 : 0);
    log_weights.push_back(samples.log_weight[b]);
  }
  return inside;
}

}  // namespace

double symmetric_wasserstein2(ConfigurationsView<const float> x, ConfigurationsView<const float> y,
                              const ParticleTypes& types, bool reflections) {
  const std::size_t n = x.count();
  std::vector<float> cost(n * n);
  Matcher(types, x.dim(), reflections, false).costs(x, y, cost);
  AssignmentWorkspace<float> work;
  Indices columns(n);
  const double sum = solve_assignment<float>(cost, n, columns, work);
  return std::sqrt(std::max(sum, 0.0) / static_cast<double>(n));
}

double torus_wasserstein2(std::span<const double> a, std::span<const double> b, std::size_t d) {
  const std::size_t n = a.size() / d;
  std::vector<double> cost(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t c = 0; c < d; ++c) {
        const double difference = angle_difference(a[i * d + c], b[j * d + c]);
        cost[i * n + j] += difference * difference;
      }
    }
  }
  AssignmentWorkspace<double> work;
  Indices columns(n);
  return std::sqrt(solve_assignment<double>(cost, n, columns, work) / static_cast<double>(n));
}

Json metrics_of(const WeightedSamples& samples, const WeightedSamples& test, const MetricOptions& options) {
  Json json{{"n", samples.x.count()}, {"n_test", test.x.count()}};
  json["ess_trimmed"] = number_json(trimmed_kish_fraction(samples.log_weight));
  put_mean(json, "elbo", samples.log_weight);
  put_mean(json, "eubo", test.log_weight);
  if (test.x.count() < 16 || test.failed() > 0) return json;
  const Sets sets = sets_of(samples, test);
  json["energy_w2"] = energy_distances(samples, test, sets);
  json["geometric_w2"] = distances(
      samples, sets, paired_configurations(samples.x.particles()), options.seed,
      [&](From from, const Indices& indices, const Indices& reference) {
        const Configurations<float> x = chosen(from == From::flow ? samples.x : test.x, indices);
        return symmetric_wasserstein2(x, chosen(test.x, reference), options.types, options.reflections);
      });
  const std::size_t d = options.dihedrals.size();
  if (d == 0) return json;
  const std::vector<double> angles = angles_of(samples.x, options.dihedrals);
  const std::vector<double> test_angles = angles_of(test.x, options.dihedrals);
  json["torus_w2"] = torus_distances(samples, sets, angles, test_angles, d, options.seed);
  if (d >= 2) json["torus_tv"] = map_distances(samples, sets, angles, test_angles, d);
  return json;
}

Json state_free_energy(const WeightedSamples& samples, const WeightedSamples& test,
                       const MetricOptions& options) {
  std::vector<double> log_weights, test_log_weights;
  const std::vector<char> flow_in = in_state(samples, options, log_weights);
  const std::vector<char> test_in = in_state(test, options, test_log_weights);
  Json json;
  const TwoSidedDifference both =
      two_sided_free_energy({log_weights, flow_in}, {test_log_weights, test_in}, options.seed);
  json["free_energy_bar"] = both.free_energy ? number_json(both.free_energy->value) : Json(nullptr);
  json["free_energy_bar_error"] = both.free_energy ? number_json(both.free_energy->error) : Json(nullptr);
  if (!both.free_energy) json["refusal"] = both.refusal;
  json["effective_rest"] = both.rest.effective;
  json["effective_state"] = both.state.effective;
  return json;
}

}  // namespace equibolt
