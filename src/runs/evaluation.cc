#include "runs/evaluation.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "analyze/autocorrelation.h"
#include "analyze/histogram.h"
#include "analyze/likelihood.h"
#include "analyze/two_sample.h"
#include "analyze/weights.h"
#include "equibolt/error.h"
#include "io/configurations_file.h"
#include "runs/energy_inputs.h"
#include "runs/run_folder.h"
#include "runs/samples_file.h"

namespace equibolt {
namespace {

constexpr std::size_t kBins = 50;

Evaluation number(double value) {
  return std::isfinite(value) ? Evaluation(value) : Evaluation(nullptr);
}

void put(Evaluation& evaluation, const std::string& name, const Estimate& estimate) {
  evaluation[name] = number(estimate.value);
  evaluation[name + "_error"] = number(estimate.error);
}

void put_nothing(Evaluation& evaluation, std::initializer_list<const char*> names) {
  for (const char* name : names) evaluation[name] = nullptr;
}

/// The mean over the samples whose status is ok.
Evaluation mean_of(const std::vector<double>& values, const std::vector<SampleStatus>& status) {
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t b = 0; b < values.size(); ++b) {
    if (status[b] != SampleStatus::ok) continue;
    sum += values[b];
    ++count;
  }
  return number(sum / static_cast<double>(count));
}

/// All distances of two particles, (B · N(N−1)/2,), configuration by configuration.
std::vector<double> pair_distances(const Configurations<double>& x) {
  const std::size_t dim = x.dim();
  std::vector<double> distances;
  for (std::size_t b = 0; b < x.count(); ++b) {
    for (std::size_t i = 0; i < x.particles(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        double square = 0;
        for (std::size_t k = 0; k < dim; ++k) {
          const double difference = x[b][i * dim + k] - x[b][j * dim + k];
          square += difference * difference;
        }
        distances.push_back(std::sqrt(square));
      }
    }
  }
  return distances;
}

/// The means of runs of `length` values.
std::vector<double> means_of_runs(const std::vector<double>& values, std::size_t length) {
  std::vector<double> means(values.size() / length);
  for (std::size_t k = 0; k < values.size(); ++k)
    means[k / length] += values[k] / static_cast<double>(length);
  return means;
}

std::vector<double> repeated(const std::vector<double>& values, std::size_t times) {
  std::vector<double> out;
  for (const double value : values) out.insert(out.end(), times, value);
  return out;
}

void put_weights(Evaluation& evaluation, const WeightedSamples& samples, std::uint64_t seed) {
  evaluation["n_samples"] = samples.x.count();
  evaluation["failed"] = samples.failed();
  put(evaluation, "ess", kish_fraction(samples.log_weight, Bootstrap{.seed = seed}));
  evaluation["largest_weight"] = largest_share(samples.log_weight);
  evaluation["pareto_k"] = number(pareto_k(samples.log_weight));
  put(evaluation, "log_z", log_mean_weight(samples.log_weight));
  Evaluation against_size = Evaluation::array();
  for (const FractionAtSize& at : kish_against_size(samples.log_weight, Bootstrap{.seed = seed})) {
    against_size.push_back(
        {{"n", at.n}, {"ess", number(at.fraction.value)}, {"ess_error", number(at.fraction.error)}});
  }
  evaluation["ess_against_n"] = against_size;
}

void put_likelihood(Evaluation& evaluation, const WeightedSamples& test,
                    const std::optional<Estimate>& log_z) {
  const double normalisation = prior_log_normalisation(test.x.particles(), test.x.dim());
  std::vector<double> log_density;  // log p̃, without the prior's constant
  for (const double value : test.log_density) log_density.push_back(value + normalisation);
  const auto nll = negative_log_likelihood(log_density, test.x.particles(), test.x.dim());
  put(evaluation, "nll", nll.without_normalisation);
  evaluation["nll_normalized"] = nll.normalised.value;
  if (log_z) {
    put(evaluation, "kl", divergence_from_target({-log_z->value, log_z->error}, test.energy, log_density));
  } else {
    put_nothing(evaluation, {"kl", "kl_error"});
  }
}

Evaluation density_of(const Histogram& histogram) {
  Evaluation json{{"density", Evaluation::array()}, {"error", Evaluation::array()}};
  for (const Estimate& bin : histogram.density) {
    json["density"].push_back(number(bin.value));
    json["error"].push_back(number(bin.error));
  }
  return json;
}

/// Whether the reweighted samples and the test data could be of one distribution. Energies are one number per
/// configuration; of pair distances the test takes the mean of each configuration, so that its numbers are
/// independent, while the histograms show them all.
void put_agreement(Evaluation& evaluation, const WeightedSamples& samples, const WeightedSamples& test) {
  const auto compare = [&](const std::string& name, const std::vector<double>& drawn,
                           const std::vector<double>& held_out) {
    const double time = std::max(1.0, autocorrelation_time(held_out));
    const TwoSampleTest result =
        kolmogorov_smirnov({drawn, samples.log_weight}, {.values = held_out, .autocorrelation_time = time});
    evaluation[name + "_ks"] = result.statistic;
    evaluation[name + "_ks_p"] = result.p_value;
  };
  const auto show = [&](const std::string& name, const std::vector<double>& drawn,
                        const std::vector<double>& log_weights, const std::vector<double>& held_out) {
    const auto [low, high] = std::minmax_element(held_out.begin(), held_out.end());
    const double end = *high + 1e-9 * (*high - *low);
    evaluation[name + "_histogram"] = {
        {"low", *low},
        {"high", end},
        {"samples", density_of(histogram(drawn, *low, end, kBins))},
        {"reweighted", density_of(histogram(drawn, *low, end, kBins, log_weights))},
        {"test", density_of(histogram(held_out, *low, end, kBins))}};
  };
  const std::size_t pairs = test.x.particles() * (test.x.particles() - 1) / 2;
  const std::vector<double> drawn = pair_distances(samples.x), held_out = pair_distances(test.x);
  compare("energy", samples.energy, test.energy);
  compare("distance", means_of_runs(drawn, pairs), means_of_runs(held_out, pairs));
  show("energy", samples.energy, samples.log_weight, test.energy);
  show("distance", drawn, repeated(samples.log_weight, pairs), held_out);
}

void put_test_data(Evaluation& evaluation, const WeightedSamples& samples, const WeightedSamples& test,
                   const std::optional<Estimate>& log_z) {
  evaluation["n_test"] = test.x.count();
  evaluation["failed_test"] = test.failed();
  // Means over test data that leave some of it out would look better than they are.
  if (test.failed() == 0 && test.x.count() >= 8) {
    put_likelihood(evaluation, test, log_z);
    evaluation["ess_forward"] = forward_kish_fraction(test.log_weight);
    put_agreement(evaluation, samples, test);
  } else {
    put_nothing(evaluation, {"nll", "nll_error", "nll_normalized", "kl", "kl_error", "ess_forward",
                             "energy_ks", "energy_ks_p", "distance_ks", "distance_ks_p"});
  }
  evaluation["energy_mean_test"] = mean_of(test.energy, test.status);
}

void put_paths(Evaluation& evaluation, const WeightedSamples& samples) {
  const std::vector<double> evaluations(samples.evaluations.begin(), samples.evaluations.end());
  const std::vector<double> divergences(samples.divergences.begin(), samples.divergences.end());
  evaluation["path_length"] = mean_of(samples.arc_length, samples.status);
  evaluation["path_displacement"] = mean_of(samples.displacement, samples.status);
  evaluation["evaluations"] = mean_of(evaluations, samples.status);
  evaluation["divergences"] = mean_of(divergences, samples.status);
  evaluation["energy_mean"] = mean_of(samples.energy, samples.status);
  put(evaluation, "energy_mean_reweighted", reweighted_mean(samples.log_weight, samples.energy));
}

/// `wanted` of the configurations at equal distances in the file's order, so that they are as independent as
/// can be; all where there are fewer.
Configurations<double> thinned(ConfigurationsView<const double> x, std::size_t wanted) {
  const std::size_t count = std::min(wanted, x.count());
  Configurations<double> chosen(count, x.particles(), x.dim());
  for (std::size_t k = 0; k < count; ++k) {
    const auto from = x[k * x.count() / count];
    std::copy(from.begin(), from.end(), chosen[k].begin());
  }
  return chosen;
}

}  // namespace

Evaluation evaluate(const Session& session, const WeightedSamples& samples, const WeightedSamples& test) {
  if (samples.failed() == samples.x.count()) {
    throw NumericalError("all of the {} samples failed; the network is not usable", samples.x.count());
  }
  Evaluation evaluation{{"format_version", 1}};
  put_weights(evaluation, samples, session.config().seed);
  const std::optional<Estimate> log_z = session.log_z();
  if (log_z) {
    put(evaluation, "log_z_reference", *log_z);
  } else {
    put_nothing(evaluation, {"log_z_reference", "log_z_reference_error"});
  }
  put_test_data(evaluation, samples, test, log_z);
  put_paths(evaluation, samples);
  return evaluation;
}

Evaluation evaluate_in_files(Session& session, ConfigurationsView<const double> test,
                             const EvaluationFiles& files, const std::function<bool()>& stop,
                             Reporter& reporter) {
  const RunConfig& config = session.config();
  make_samples_file(task_of_flow(session, files.samples, config.seed, config.evaluate.samples), stop,
                    reporter);
  WeightedSamples weighed;
  if (test.count() > 0) {
    const auto chosen = thinned(test, config.evaluate.test_samples);
    make_samples_file(task_of_configurations(session, files.test_densities, chosen.view()), stop, reporter);
    weighed = read_samples(files.test_densities);
  }
  return evaluate(session, read_samples(files.samples), weighed);
}

Configurations<double> test_data_of(const std::string& run_or_model, const std::string& data,
                                    const Session& session) {
  std::filesystem::path path = data;
  const bool is_run = std::filesystem::is_directory(run_or_model);
  if (path.empty()) path = session.config().data.test;
  // A model may have travelled away from the data that its config names.
  if (data.empty() && !is_run && !std::filesystem::exists(path)) path.clear();
  if (path.empty() && is_run) {
    path = RunFolder{run_or_model}.test_data();
    if (!std::filesystem::exists(path)) path.clear();
  }
  if (path.empty()) return {};
  if (is_run && data.empty() && !session.config().data.test.empty())
    require_recorded({run_or_model}, "data.test", path.string());
  return read_configurations(path, session.particles(), session.dim());
}

std::string evaluation_table(const Evaluation& evaluation) {
  std::string text;
  for (const auto& [name, value] : evaluation.items()) {
    if (name.ends_with("_error") || value.is_structured() || name == "format_version") continue;
    const std::string shown = value.is_null()             ? "-"
                              : value.is_number_integer() ? fmt::format("{}", value.get<std::size_t>())
                                                          : fmt::format("{:.5g}", value.get<double>());
    const auto error = evaluation.find(name + "_error");
    const bool has_error = error != evaluation.end() && error->is_number();
    text += fmt::format("{:<24} {:>12}{}\n", name, shown,
                        has_error ? fmt::format(" ± {:.2g}", error->get<double>()) : "");
  }
  return text;
}

}  // namespace equibolt
