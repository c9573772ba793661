#include "runs/evaluation.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>

#include "analyze/autocorrelation.h"
#include "analyze/histogram.h"
#include "analyze/likelihood.h"
#include "analyze/two_sample.h"
#include "analyze/two_sided.h"
#include "analyze/weights.h"
#include "chemistry/relabel.h"
#include "equibolt/error.h"
#include "io/configurations_file.h"
#include "io/npz.h"
#include "runs/biased_data.h"
#include "runs/density_error.h"
#include "runs/energy_inputs.h"
#include "runs/json_numbers.h"
#include "runs/metrics.h"
#include "runs/run_folder.h"
#include "runs/samples_file.h"

namespace equibolt {
namespace {

constexpr std::size_t kBins = 50;

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
  return number_json(sum / static_cast<double>(count));
}

/// Appends all distances of two particles of one configuration, N(N−1)/2.
void append_pair_distances(const Configurations<double>& x, std::size_t b, std::vector<double>& distances) {
  const std::size_t dim = x.dim();
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

/// The pair distances of configurations: their mean in each, and the least and greatest of all. Those of
/// status not ok may not be finite; they count in neither.
struct PairDistances {
  std::vector<double> means;  // (B,)
  double least = std::numeric_limits<double>::infinity();
  double greatest = 0;
};

PairDistances pair_distances(const WeightedSamples& samples) {
  PairDistances result;
  std::vector<double> distances;
  for (std::size_t b = 0; b < samples.x.count(); ++b) {
    distances.clear();
    append_pair_distances(samples.x, b, distances);
    result.means.push_back(average(distances));
    if (samples.status[b] != SampleStatus::ok) continue;
    const auto [low, high] = std::ranges::minmax_element(distances);
    result.least = std::min(result.least, *low);
    result.greatest = std::max(result.greatest, *high);
  }
  return result;
}

void put_weights(Evaluation& evaluation, const WeightedSamples& samples, const WeightedSamples& test,
                 const WeightQuality& quality, std::uint64_t seed) {
  evaluation["n_samples"] = samples.x.count();
  evaluation["failed"] = samples.failed();
  put_estimate(evaluation, "ess", quality.judged(kish_fraction(samples.log_weight, Bootstrap{.seed = seed})));
  evaluation["largest_weight"] = largest_share(samples.log_weight);
  evaluation["pareto_k"] = number_json(quality.pareto_k);
  put_estimate(evaluation, "log_z", quality.judged(log_mean_weight(samples.log_weight)));
  const auto fractions = kish_against_size(samples.log_weight, Bootstrap{.seed = seed});
  const bool compared = test.failed() == 0 && test.x.count() >= 8;
  const WeightVerdict verdict = weight_verdict(
      quality, fractions, compared ? std::optional(forward_kish_fraction(test.log_weight)) : std::nullopt);
  evaluation["weights_trusted"] = verdict.trusted;
  evaluation["verdict"] = verdict.text;
  Evaluation against_size = Evaluation::array();
  for (const FractionAtSize& at : fractions) {
    const Estimate fraction = quality.judged(at.fraction);
    against_size.push_back(
        {{"n", at.n}, {"ess", number_json(fraction.value)}, {"ess_error", number_json(fraction.error)}});
  }
  evaluation["ess_against_n"] = against_size;
}

/// Appends to the warnings.
void warn(Evaluation& evaluation, const std::string& text) {
  evaluation["warnings"].push_back(text);
}

/// log Z from both sides, or why there is none.
void put_two_sided(Evaluation& evaluation, const WeightedSamples& samples, const Reference& reference,
                   const WeightQuality& quality, std::uint64_t seed) {
  put_nothing(evaluation, {"log_z_bar", "log_z_bar_error", "log_z_bar_bootstrap_error", "log_z_bar_overlap",
                           "log_z_bar_effective"});
  const WeightedSamples& test = reference.test;
  if (test.x.count() == 0) return;
  evaluation["test_data"] = name_of(reference.held_out.held_out);
  if (test.failed() > 0) return;  // which has its own warning
  if (reference.held_out.held_out == HeldOut::no) {
    warn(evaluation, "no log_z_bar, and kl and nll are biased: " + reference.held_out.reason);
    return;
  }
  const TwoSided two_sided = two_sided_log_z(samples.log_weight, test.log_weight, seed);
  evaluation["log_z_bar_overlap"] = number_json(two_sided.overlap);
  evaluation["log_z_bar_effective"] = number_json(two_sided.effective);
  if (!two_sided.log_z) {
    warn(evaluation, "no log_z_bar: " + two_sided.refusal);
    return;
  }
  const auto [value, error] = *two_sided.log_z;
  // Where the asymptotic error and the spread of resampled sets differ, neither is to be believed.
  const double ratio = two_sided.bootstrap_error / error;
  const bool agree = ratio > 0.5 && ratio < 2;
  put_estimate(evaluation, "log_z_bar", {value, agree ? error : std::numeric_limits<double>::infinity()});
  evaluation["log_z_bar_bootstrap_error"] = number_json(two_sided.bootstrap_error);
  if (!agree) {
    warn(evaluation,
         fmt::format("no error bar for log_z_bar: its formula says {:.2g}, and resampled data {:.2g}", error,
                     two_sided.bootstrap_error));
  }
  const Estimate weights = quality.judged(log_mean_weight(samples.log_weight));
  if (!(std::abs(value - weights.value) <= 5 * std::hypot(error, weights.error))) {
    warn(evaluation,
         fmt::format(
             "log_z of the weights, {:.4g}, and log_z_bar, {:.4g}, differ by more than five standard "
             "errors: the flow misses a part of the target, or the test data are not of its equilibrium",
             weights.value, value));
  }
}

void put_likelihood(Evaluation& evaluation, const WeightedSamples& test,
                    const std::optional<Estimate>& log_z) {
  const double normalisation = prior_log_normalisation(test.x.particles(), test.x.dim());
  std::vector<double> log_density;  // log p̃, without the prior's constant
  for (const double value : test.log_density) log_density.push_back(value + normalisation);
  const auto nll = negative_log_likelihood(log_density, test.x.particles(), test.x.dim());
  put_estimate(evaluation, "nll", nll.without_normalisation);
  evaluation["nll_normalized"] = nll.normalised.value;
  if (log_z) {
    put_estimate(evaluation, "kl",
                 divergence_from_target({-log_z->value, log_z->error}, test.energy, log_density));
  } else {
    put_nothing(evaluation, {"kl", "kl_error"});
  }
}

Evaluation density_of(const Histogram& histogram) {
  Evaluation json{{"density", Evaluation::array()}, {"error", Evaluation::array()}};
  for (const Estimate& bin : histogram.density) {
    json["density"].push_back(number_json(bin.value));
    json["error"].push_back(number_json(bin.error));
  }
  json["outside"] = number_json(histogram.outside);
  return json;
}

/// Histograms of the samples as drawn, reweighted, and of the test data, by the values that append(samples,
/// b, values) appends for configuration b.
template <typename Append>
Evaluation histograms(const WeightedSamples& samples, const WeightQuality& quality,
                      const WeightedSamples& test, const Bins& bins, const Append& append) {
  const auto records = [&](const WeightedSamples& of) {
    return Records{.count = of.x.count(), .append_values = [&](std::size_t b, std::vector<double>& values) {
                     append(of, b, values);
                   }};
  };
  std::vector<double> drawn(samples.x.count());  // log weights
  for (std::size_t b = 0; b < drawn.size(); ++b) {
    drawn[b] = samples.status[b] == SampleStatus::ok ? 0 : -std::numeric_limits<double>::infinity();
  }
  Records as_drawn = records(samples), reweighted = as_drawn, held_out = records(test);
  as_drawn.log_weights = drawn;
  reweighted.log_weights = samples.log_weight;
  held_out.series = true;
  Histogram weighted = histogram(reweighted, bins);
  for (Estimate& bin : weighted.density) bin = quality.judged(bin);
  return {{"low", bins.low},
          {"high", bins.high},
          {"samples", density_of(histogram(as_drawn, bins))},
          {"reweighted", density_of(weighted)},
          {"test", density_of(histogram(held_out, bins))}};
}

/// Whether the reweighted samples and the test data could be of one distribution. Energies are one number per
/// configuration; of pair distances the test takes the mean of each configuration, so that its numbers are
/// independent, while the histograms show them all. Bins are 50 over the range of the test data, and go on
/// where the flow's samples do: their energies have a tail that is worth seeing.
void put_agreement(Evaluation& evaluation, const WeightedSamples& samples, const WeightQuality& quality,
                   const WeightedSamples& test) {
  const auto compare = [&](const std::string& name, const std::vector<double>& drawn,
                           const std::vector<double>& held_out) {
    const double time = std::max(1.0, autocorrelation_time(held_out));
    const TwoSampleTest result =
        kolmogorov_smirnov({drawn, samples.log_weight}, {.values = held_out, .autocorrelation_time = time});
    evaluation[name + "_ks"] = result.statistic;
    evaluation[name + "_ks_p"] = quality.doubt().empty() ? number_json(result.p_value) : Evaluation(nullptr);
  };
  const PairDistances drawn = pair_distances(samples), held_out = pair_distances(test);
  compare("energy", samples.energy, test.energy);
  compare("distance", drawn.means, held_out.means);

  std::vector<double> energies;
  for (std::size_t b = 0; b < samples.x.count(); ++b) {
    if (samples.status[b] == SampleStatus::ok) energies.push_back(samples.energy[b]);
  }
  std::ranges::sort(energies);
  const auto [low, high] = std::ranges::minmax_element(test.energy);
  evaluation["energy_histogram"] = histograms(
      samples, quality, test,
      extended_bins(*low, *high, kBins, quantile(energies, 0.01), quantile(energies, 0.99), 3 * kBins),
      [](const WeightedSamples& of, std::size_t b, std::vector<double>& values) {
        values.push_back(of.energy[b]);
      });
  evaluation["distance_histogram"] =
      histograms(samples, quality, test,
                 extended_bins(held_out.least, held_out.greatest, kBins, drawn.least, drawn.greatest, kBins),
                 [](const WeightedSamples& of, std::size_t b, std::vector<double>& values) {
                   append_pair_distances(of.x, b, values);
                 });
}

void put_test_data(Evaluation& evaluation, const WeightedSamples& samples, const WeightQuality& quality,
                   const WeightedSamples& test, const std::optional<Estimate>& log_z) {
  evaluation["n_test"] = test.x.count();
  evaluation["failed_test"] = test.failed();
  // Means over test data that leave some of it out would look better than they are.
  if (test.failed() == 0 && test.x.count() >= 8) {
    put_likelihood(evaluation, test, log_z);
    evaluation["ess_forward"] = forward_kish_fraction(test.log_weight);
    put_agreement(evaluation, samples, quality, test);
  } else {
    put_nothing(evaluation, {"nll", "nll_error", "nll_normalized", "kl", "kl_error", "ess_forward",
                             "energy_ks", "energy_ks_p", "distance_ks", "distance_ks_p"});
  }
  evaluation["energy_mean_test"] = mean_of(test.energy, test.status);
}

void put_paths(Evaluation& evaluation, const WeightedSamples& samples, const WeightQuality& quality) {
  const std::vector<double> evaluations(samples.evaluations.begin(), samples.evaluations.end());
  const std::vector<double> divergences(samples.divergences.begin(), samples.divergences.end());
  evaluation["path_length"] = mean_of(samples.arc_length, samples.status);
  evaluation["path_displacement"] = mean_of(samples.displacement, samples.status);
  evaluation["evaluations"] = mean_of(evaluations, samples.status);
  evaluation["divergences"] = mean_of(divergences, samples.status);
  evaluation["energy_mean"] = mean_of(samples.energy, samples.status);
  put_estimate(evaluation, "energy_mean_reweighted",
               quality.judged(reweighted_mean(samples.log_weight, samples.energy)));
}

/// What a reader has to know before any of the numbers.
std::vector<std::string> warnings_of(const WeightQuality& quality, const WeightedSamples& samples,
                                     const Reference& reference) {
  const WeightedSamples& test = reference.test;
  const std::optional<Estimate>& log_z = reference.log_z;
  std::vector<std::string> warnings;
  if (const std::string doubt = quality.doubt(); !doubt.empty()) {
    warnings.push_back("no error bar for averages over the weights, which are not to be trusted: " + doubt +
                       "; draw more samples, or train longer");
  }
  if (samples.failed() > 0) {
    warnings.push_back(
        fmt::format("{} of {} samples failed and have weight zero", samples.failed(), samples.x.count()));
  }
  if (test.failed() > 0) {
    warnings.push_back(
        fmt::format("{} of {} held-out configurations have no density or no energy, so that nothing is "
                    "compared with them",
                    test.failed(), test.x.count()));
  }
  if (log_z && !std::isfinite(log_z->error)) {
    warnings.push_back(
        "no error bar for log_z_reference and kl: rungs of the simulation's ladder hardly overlap; raise "
        "simulate.rungs");
  }
  return warnings;
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

/// Of molecules, what the samples are by their bonds and chirality, as shares of their number and of their
/// weight. Puts their atoms into the structure's order, and reflects mirror images, whose energy and density
/// are the same: dihedrals are those of the structure's chirality then.
void identify(Evaluation& evaluation, const Molecule& molecule, WeightedSamples& samples,
              WeightedSamples& test) {
  std::vector<Identity> identities(samples.x.count());
  relabel(samples.x.view(), molecule, MirrorImages::reflect, identities);
  relabel(test.x.view(), molecule, MirrorImages::reflect);
  const std::vector<double> weights = normalised_weights(samples.log_weight);
  for (const auto& [name, identity] :
       {std::pair{"same", Identity::same}, std::pair{"mirrored", Identity::mirrored},
        std::pair{"other_stereoisomer", Identity::other_hand},
        std::pair{"other_bonds", Identity::other_bonds}}) {
    double count = 0, weight = 0;
    for (std::size_t b = 0; b < identities.size(); ++b) {
      if (identities[b] != identity) continue;
      count += 1;
      weight += weights[b];
    }
    evaluation["identities"][name] = {{"share", count / static_cast<double>(identities.size())},
                                      {"weight", weight}};
  }
}

/// Distances from the test data, and of molecules the free energy of their state.
void put_metrics(Evaluation& evaluation, Session& session, WeightedSamples samples, Reference reference) {
  const RunConfig& config = session.config();
  MetricOptions options{
      .types = session.energy().types(), .reflections = config.coupling.reflections, .seed = config.seed};
  if (const MoleculeOptions* molecule = molecule_options_of(config.system)) {
    const Molecule structure = load_molecule(molecule->structure);
    identify(evaluation, structure, samples, reference.test);
    options.dihedrals = dihedrals_of(structure, molecule->dihedrals);
    options.state = state_of(options.dihedrals, molecule->state);
    const bool usable = reference.test.x.count() > 0 && reference.test.failed() == 0 &&
                        reference.held_out.held_out != HeldOut::no;
    if (options.state && usable) {
      evaluation["state"] = {{"where", molecule->state}};
      evaluation["state"].update(state_free_energy(samples, reference.test, options));
      for (const char* name : {"free_energy_bar", "free_energy_bar_error"})
        evaluation[name] = evaluation["state"][name];
    }
  }
  evaluation["metrics"] = metrics_of(samples, reference.test, options);
}

/// The error of the integration itself, measured on some of the samples: neither the weights nor the data can
/// tell it from a property of the flow.
void put_integration_error(Evaluation& evaluation, Session& session, const WeightedSamples& samples) {
  constexpr std::size_t measured = 24;
  constexpr double visible = 0.2;  // kT: a scatter that takes 4 % of the ESS
  Configurations<double> x(measured, session.particles(), session.dim());
  std::vector<double> log_density;
  for (std::size_t b = 0; b < samples.x.count() && log_density.size() < measured; ++b) {
    if (samples.status[b] != SampleStatus::ok) continue;
    std::ranges::copy(samples.x[b], x[log_density.size()].begin());
    log_density.push_back(samples.log_density[b]);
  }
  put_nothing(evaluation, {"density_bias", "density_bias_error", "density_rms"});
  if (log_density.size() < 2) return;
  const IntegrationError error =
      integration_error(session, x.view().slice(0, log_density.size()), log_density);
  put_estimate(evaluation, "density_bias", error.mean);
  evaluation["density_rms"] = number_json(error.rms);
  const Evaluation& of_log_z = evaluation["log_z_error"];
  const double allowed = of_log_z.is_number() ? of_log_z.get<double>() / 2 : visible;
  const std::string remedy = session.config().flow.method == Method::dopri5
                                 ? "lower flow.atol and flow.rtol, and raise flow.divergence_nodes"
                                 : "raise flow.steps and flow.divergence_nodes";
  if (std::abs(error.mean.value) > std::max({0.01, allowed, 2 * error.mean.error})) {
    warn(evaluation,
         fmt::format("log_z is too {} by {:.3f} ± {:.3f}, which its error does not contain, since paths are "
                     "integrated coarsely: {}",
                     error.mean.value > 0 ? "high" : "low", std::abs(error.mean.value), error.mean.error,
                     remedy));
  }
  if (error.rms > visible) {
    warn(evaluation,
         fmt::format("log weights scatter by {:.2f} kT since paths are integrated coarsely, which lowers "
                     "ess: {}",
                     error.rms, remedy));
  }
}

/// The configurations of a file with an array "chain" (B,), one chain after another; others as they are.
Configurations<double> by_chain(const std::filesystem::path& path, Configurations<double> x) {
  if (path.extension() != ".npz") return x;
  const Npz npz = read_npz(path);
  const auto chain = npz.arrays.find("chain");
  if (chain == npz.arrays.end() || chain->second.size() != x.count()) return x;
  const std::vector<double> labels = chain->second.as_double();
  std::vector<std::size_t> order(x.count());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t b) { return labels[b]; });
  Configurations<double> sorted(x.count(), x.particles(), x.dim());
  for (std::size_t b = 0; b < order.size(); ++b) std::ranges::copy(x[order[b]], sorted[b].begin());
  return sorted;
}

}  // namespace

Evaluation evaluate(const WeightedSamples& samples, const Reference& reference, std::uint64_t seed) {
  if (samples.failed() == samples.x.count()) {
    throw NumericalError("all of the {} samples failed; the network is not usable", samples.x.count());
  }
  const WeightQuality quality = weight_quality(samples.log_weight);
  const WeightedSamples& test = reference.test;
  const std::optional<Estimate>& log_z = reference.log_z;
  Evaluation evaluation{{"format_version", 1}, {"warnings", warnings_of(quality, samples, reference)}};
  put_weights(evaluation, samples, test, quality, seed);
  if (log_z) {
    put_estimate(evaluation, "log_z_reference", *log_z);
  } else {
    put_nothing(evaluation, {"log_z_reference", "log_z_reference_error"});
  }
  put_two_sided(evaluation, samples, reference, quality, seed);
  put_test_data(evaluation, samples, quality, test, log_z);
  put_paths(evaluation, samples, quality);
  return evaluation;
}

Evaluation evaluate_in_files(Session& session, ConfigurationsView<const double> test,
                             const HeldOutCheck& held_out, const EvaluationFiles& files,
                             const std::function<bool()>& stop, Reporter& reporter) {
  const RunConfig& config = session.config();
  make_samples_file(task_of_flow(session, files.samples, config.seed, config.evaluate.samples), stop,
                    reporter);
  Reference reference{.log_z = session.log_z(), .held_out = held_out};
  if (test.count() > 0) {
    const auto chosen = thinned(test, config.evaluate.test_samples);
    make_samples_file(task_of_configurations(session, files.test_densities, chosen.view()), stop, reporter);
    reference.test = read_samples(files.test_densities);
  }
  const WeightedSamples samples = read_samples(files.samples);
  Evaluation evaluation = evaluate(samples, reference, config.seed);
  put_integration_error(evaluation, session, samples);
  put_metrics(evaluation, session, samples, std::move(reference));
  return evaluation;
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
  Configurations<double> x = read_configurations(path, session.particles(), session.dim());
  return bias_of_data(path).energy.empty() ? by_chain(path, std::move(x)) : unbiased(path, std::move(x));
}

namespace {

/// With five digits, or as many as the second digit of the error needs.
std::string with_digits_for(double value, double error) {
  int digits = 5;
  if (value != 0 && error > 0) {
    const double places = std::floor(std::log10(std::abs(value))) - std::floor(std::log10(error)) + 2;
    digits = std::clamp(static_cast<int>(std::clamp(places, 0.0, 17.0)), 5, 17);
  }
  return fmt::format("{:.{}g}", value, digits);
}

/// A line for each kind of configurations that there are, by share and weight.
std::string identities_table(const Evaluation& identities) {
  std::string text;
  for (const auto& [name, of] : identities.items()) {
    const double share = of.at("share"), weight = of.at("weight");
    if (share > 0) text += fmt::format("{:<24} {:>12.4f} reweighted {:.4f}\n", name, share, weight);
  }
  return text;
}

/// A line for each of the metrics: the distance of the samples, of the reweighted ones, and its floor.
std::string metrics_table(const Evaluation& metrics) {
  const auto shown = [](const Evaluation& value) {
    return value.is_null() ? std::string("-") : fmt::format("{:.4g}", value.get<double>());
  };
  std::string text;
  for (const auto& [name, value] : metrics.items()) {
    if (name == "n" || name == "n_test" || name.ends_with("_error")) continue;
    if (!value.is_object()) {
      const auto error = metrics.find(name + "_error");
      text += fmt::format(
          "{:<24} {:>12}{}\n", name, shown(value),
          error != metrics.end() && error->is_number() ? fmt::format(" ± {:.2g}", error->get<double>()) : "");
      continue;
    }
    text += fmt::format("{:<24} {:>12} reweighted {}, floor {} (n = {})\n", name, shown(value.at("samples")),
                        shown(value.at("reweighted")), shown(value.at("floor")),
                        value.at("n").get<std::size_t>());
  }
  return text;
}

}  // namespace

std::string evaluation_table(const Evaluation& evaluation) {
  std::string text;
  if (const auto warnings = evaluation.find("warnings"); warnings != evaluation.end()) {
    for (const auto& warning : *warnings) text += fmt::format("warning: {}\n", warning.get<std::string>());
  }
  if (const auto verdict = evaluation.find("verdict"); verdict != evaluation.end())
    text += verdict->get<std::string>() + "\n";
  for (const auto& [name, value] : evaluation.items()) {
    if (name == "metrics") text += metrics_table(value);
    if (name == "identities") text += identities_table(value);
    if (name.ends_with("_error") || value.is_structured() || value.is_boolean() || name == "format_version" ||
        name == "verdict")
      continue;
    if (value.is_string()) {
      text += fmt::format("{:<24} {:>12}\n", name, value.get<std::string>());
      continue;
    }
    const auto error = evaluation.find(name + "_error");
    const bool has_error = error != evaluation.end() && error->is_number();
    const bool lacks_error = error != evaluation.end() && !has_error && !value.is_null();
    const std::string shown = value.is_null() ? "-"
                              : value.is_number_integer()
                                  ? fmt::format("{}", value.get<std::size_t>())
                                  : with_digits_for(value, has_error ? error->get<double>() : 0);
    const std::string error_text = has_error     ? fmt::format(" ± {:.2g}", error->get<double>())
                                   : lacks_error ? " (no error bar)"
                                                 : "";
    text += fmt::format("{:<24} {:>12}{}\n", name, shown, error_text);
  }
  return text;
}

}  // namespace equibolt
