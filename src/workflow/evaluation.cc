#include "workflow/evaluation.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "analyze/likelihood.h"
#include "analyze/two_sample.h"
#include "analyze/weights.h"
#include "core/error.h"
#include "io/configurations_file.h"
#include "workflow/run_folder.h"

namespace equibolt {
namespace {

void put(Evaluation& evaluation, const std::string& name, const Estimate& estimate) {
  evaluation[name] = estimate.value;
  evaluation[name + "_error"] = estimate.error;
}

void put_nothing(Evaluation& evaluation, std::initializer_list<const char*> names) {
  for (const char* name : names) evaluation[name] = nullptr;
}

/// Of each configuration, the mean distance of two particles.
std::vector<double> mean_pair_distances(const Configurations<double>& x) {
  const std::size_t n = x.particles(), dim = x.dim();
  std::vector<double> means;
  for (std::size_t b = 0; b < x.count(); ++b) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        double square = 0;
        for (std::size_t k = 0; k < dim; ++k) {
          const double difference = x[b][i * dim + k] - x[b][j * dim + k];
          square += difference * difference;
        }
        sum += std::sqrt(square);
      }
    }
    means.push_back(2 * sum / static_cast<double>(n * (n - 1)));
  }
  return means;
}

/// The mean over the samples whose status is ok.
double mean_of(const std::vector<double>& values, const std::vector<SampleStatus>& status) {
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t b = 0; b < values.size(); ++b) {
    if (status[b] != SampleStatus::ok) continue;
    sum += values[b];
    ++count;
  }
  return sum / static_cast<double>(count);
}

void put_weights(Evaluation& evaluation, const WeightedSamples& samples, std::uint64_t seed) {
  evaluation["n_samples"] = samples.x.count();
  evaluation["failed"] = samples.failed();
  put(evaluation, "ess", kish_fraction(samples.log_weight, Bootstrap{.seed = seed}));
  evaluation["largest_weight"] = largest_share(samples.log_weight);
  evaluation["pareto_k"] = pareto_k(samples.log_weight);
  put(evaluation, "log_z", log_mean_weight(samples.log_weight));
  Evaluation against_size = Evaluation::array();
  for (const FractionAtSize& at : kish_against_size(samples.log_weight, Bootstrap{.seed = seed})) {
    against_size.push_back({{"n", at.n}, {"ess", at.fraction.value}, {"ess_error", at.fraction.error}});
  }
  evaluation["ess_against_n"] = against_size;
}

/// Whether the reweighted samples and the test data could be of one distribution, by energies and by all pair
/// distances of a configuration, averaged: one number per configuration, so that they are independent.
void put_agreement(Evaluation& evaluation, const WeightedSamples& samples, const WeightedSamples& test) {
  const auto compare = [&](const std::string& name, const std::vector<double>& drawn,
                           const std::vector<double>& held_out) {
    const TwoSampleTest result = kolmogorov_smirnov({drawn, samples.log_weight}, {held_out, {}});
    evaluation[name + "_ks"] = result.statistic;
    evaluation[name + "_ks_p"] = result.p_value;
  };
  compare("energy", samples.energy, test.energy);
  compare("distance", mean_pair_distances(samples.x), mean_pair_distances(test.x));
}

void put_paths(Evaluation& evaluation, const WeightedSamples& samples) {
  const std::vector<double> evaluations(samples.evaluations.begin(), samples.evaluations.end());
  evaluation["path_length"] = mean_of(samples.arc_length, samples.status);
  evaluation["path_displacement"] = mean_of(samples.displacement, samples.status);
  evaluation["evaluations"] = mean_of(evaluations, samples.status);
  evaluation["energy_mean"] = mean_of(samples.energy, samples.status);
  put(evaluation, "energy_mean_reweighted", reweighted_mean(samples.log_weight, samples.energy));
}

void put_likelihood(Evaluation& evaluation, const WeightedSamples& test,
                    const std::optional<Estimate>& log_z) {
  evaluation["n_test"] = test.x.count();
  evaluation["failed_test"] = test.failed();
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
  evaluation["ess_forward"] = forward_kish_fraction(test.log_weight);
  evaluation["energy_mean_test"] = mean_of(test.energy, test.status);
}

}  // namespace

Evaluation evaluate(Session& session, ConfigurationsView<const double> test, Reporter& reporter,
                    WeightedSamples* samples) {
  const RunConfig& config = session.config();
  reporter.start_progress("sampling");
  WeightedSamples drawn = draw_samples(session, config.seed, 0, config.evaluate.samples,
                                       [&](double fraction) { reporter.progress(fraction); });
  if (drawn.failed() == drawn.x.count()) {
    throw NumericalError("all of the {} samples failed; the network is not usable", drawn.x.count());
  }
  Evaluation evaluation;
  put_weights(evaluation, drawn, config.seed);
  const std::optional<Estimate> log_z = session.log_z();
  if (log_z) {
    put(evaluation, "log_z_reference", *log_z);
  } else {
    put_nothing(evaluation, {"log_z_reference", "log_z_reference_error"});
  }
  if (test.count() > 0) {
    reporter.start_progress("densities of test data");
    const WeightedSamples weighed =
        weigh_configurations(session, test.slice(0, std::min(test.count(), config.evaluate.test_samples)),
                             [&](double fraction) { reporter.progress(fraction); });
    put_likelihood(evaluation, weighed, log_z);
    if (weighed.failed() == 0) put_agreement(evaluation, drawn, weighed);
  } else {
    evaluation["n_test"] = 0;
    put_nothing(evaluation, {"failed_test", "nll", "nll_error", "nll_normalized", "kl", "kl_error",
                             "ess_forward", "energy_mean_test"});
  }
  put_paths(evaluation, drawn);
  reporter.end_progress();
  if (samples != nullptr) *samples = std::move(drawn);
  return evaluation;
}

Configurations<double> test_data_of(const std::string& run_or_model, const std::string& data,
                                    const Session& session) {
  std::filesystem::path path = data;
  if (path.empty()) path = session.config().data.test;
  if (path.empty() && std::filesystem::is_directory(run_or_model)) {
    path = RunFolder{run_or_model}.test_data();
    if (!std::filesystem::exists(path)) path.clear();
  }
  if (path.empty()) return {};
  return read_configurations(path, session.particles(), session.dim());
}

std::string evaluation_table(const Evaluation& evaluation) {
  std::string text;
  for (const auto& [name, value] : evaluation.items()) {
    if (name.ends_with("_error") || value.is_array()) continue;
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
