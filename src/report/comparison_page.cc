#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include "equibolt/error.h"
#include "report/comparison.h"
#include "report/comparison_rows.h"
#include "report/figures.h"
#include "report/probe.h"
#include "report/run_session.h"
#include "runs/energy_inputs.h"
#include "runs/run_folder.h"
#include "runs/sampling.h"
#include "runs/training_stage.h"
#include "system/molecule_options.h"

namespace equibolt {
namespace {

using Json = nlohmann::ordered_json;

bool there(const std::filesystem::path& path) {
  return std::filesystem::exists(path);
}

/// What the figures show of a group: its first run that has been evaluated.
struct Shown {
  std::string label;
  RunFolder folder;
  Evaluation evaluation;
};

std::vector<Shown> shown_of(const Json& system) {
  std::vector<Shown> shown;
  for (const Json& group : system.at("groups")) {
    for (const Json& run : group.at("runs")) {
      const RunFolder folder{run.at("path").get<std::string>()};
      if (!there(folder.evaluation())) continue;
      shown.push_back({run.at("path").get<std::string>(), folder, read_json(folder.evaluation())});
      break;
    }
  }
  return shown;
}

double number_or_nan(const Json& value) {
  return value.is_number() ? value.get<double>() : NAN;
}

/// A histogram of evaluations: the test data of the first, and of each the samples as drawn.
Plot histograms(const std::string& name, const std::string& key, const std::vector<Shown>& shown,
                const std::string& axis) {
  std::vector<Series> series;
  const auto add = [&](const std::string& legend, const Evaluation& histogram, const char* set) {
    const double low = histogram.at("low"), high = histogram.at("high");
    const Evaluation& density = histogram.at(set).at("density");
    Series one{.legend = legend, .x = {}, .y = {}, .filled = std::string(set) == "test"};
    for (std::size_t k = 0; k < density.size(); ++k) {
      one.x.push_back(low +
                      (static_cast<double>(k) + 0.5) * (high - low) / static_cast<double>(density.size()));
      one.y.push_back(number_or_nan(density[k]));
    }
    series.push_back(std::move(one));
  };
  for (const Shown& run : shown) {
    if (!run.evaluation.contains(key)) continue;
    if (series.empty()) add("test data", run.evaluation.at(key), "test");
    add(run.label, run.evaluation.at(key), "samples");
  }
  return overlaid_figure(name, series, {.x = axis, .y = "density"});
}

/// Densities of an array of samples.npz.
Plot densities(const std::string& name, const std::vector<Shown>& shown,
               std::vector<double> WeightedSamples::*array, const std::string& axis) {
  std::vector<ValueSet> sets;
  for (const Shown& run : shown) {
    if (there(run.folder.samples())) sets.push_back({run.label, read_samples(run.folder.samples()).*array});
  }
  return density_figure(name, sets, axis, DensityStyle::lines);
}

Plot ess_curves(const std::string& name, const std::vector<Shown>& shown) {
  std::vector<Series> series;
  for (const Shown& run : shown) {
    if (!run.evaluation.contains("ess_against_n")) continue;
    Series one{.legend = run.label};
    for (const Json& at : run.evaluation.at("ess_against_n")) {
      one.x.push_back(number_or_nan(at.at("n")));
      one.y.push_back(number_or_nan(at.at("ess")));
    }
    series.push_back(std::move(one));
  }
  return overlaid_figure(
      name, series, {.x = "samples n", .y = "ESS / n", .log_x = true, .from_zero = true, .points = true});
}

/// A column of the metrics of each run against the minutes of training.
Plot metric_overlay(const std::string& name, const std::vector<Shown>& shown, bool finetuning,
                    const std::string& key, const std::string& axis) {
  std::vector<Series> series;
  for (const Shown& run : shown) {
    Series one{.legend = run.label};
    for (const nlohmann::json& line :
         read_metrics(finetuning ? run.folder.finetune_metrics() : run.folder.metrics())) {
      const auto number = [&](const std::string& of) {
        const auto value = line.find(of);
        return value != line.end() && value->is_number() ? value->get<double>() : NAN;
      };
      one.x.push_back(number("seconds") / 60);
      one.y.push_back(number(key));
    }
    if (!one.x.empty()) series.push_back(std::move(one));
  }
  return overlaid_figure(name, series, {.x = "minutes", .y = axis});
}

Plot integration_overlay(const std::string& name, const std::vector<Shown>& shown, Reporter& reporter) {
  std::vector<Series> series;
  for (const Shown& run : shown) {
    if (!there(run.folder.model())) continue;
    reporter.say("{}: computing integration errors", run.label);
    Session session = session_of_run(run.folder);
    const IntegrationErrors errors = integration_errors(session, session.config().seed);
    Series one{.legend = run.label};
    for (const IntegrationError& at : errors.rk4) {
      one.x.push_back(static_cast<double>(at.steps));
      one.y.push_back(at.log_density.value);
    }
    series.push_back(std::move(one));
  }
  return overlaid_figure(
      name, series,
      {.x = "steps of RK4", .y = "mean |Δ log p|", .log_x = true, .log_y = true, .points = true});
}

void put_system(FigurePage& page, const Json& system, const std::string& prefix, Reporter& reporter) {
  page.page().heading(title_of(system));
  for (const std::string& doubt : comparison_doubts(system)) page.page().paragraph("Warning: " + doubt);
  page.page().table(
      comparison_rows(system),
      "Errors are one standard error; where a number of runs stands in parentheses, the standard "
      "deviation of runs that differ in their seed alone. W2 falls with the number of samples.");
  if (const TextRows settings = settings_rows(system); settings.size() > 1)
    page.page().table(settings, "Settings in which the runs differ.");
  if (const TextRows published = published_rows(system); published.size() > 1)
    page.page().table(published,
                      "Published results, of other test sets, numbers of samples and conventions.");
  const std::vector<Shown> shown = shown_of(system);
  if (shown.empty()) return;
  const RunConfig config = config_of_run(shown[0].folder);
  const std::string unit = molecule_options_of(config.system) != nullptr ? ", Å" : "";
  page.figure(histograms(prefix + "energies", "energy_histogram", shown, "energy, kT"),
              "Histograms of the energies of test data and of the samples of each run",
              "Energies of test data, and of samples as drawn. Of runs that differ in their seed alone, the "
              "first is shown, here and below.");
  page.figure(
      histograms(prefix + "distances", "distance_histogram", shown, "distance of two particles" + unit),
      "Histograms of the pair distances of test data and of the samples of each run",
      "Distances of all pairs, of test data and of samples as drawn.");
  page.figure(densities(prefix + "log_weights", shown, &WeightedSamples::log_weight, "log weight"),
              "Histograms of the log weights of each run",
              "Log weights: the narrower, the better the flow. Far outliers lie beyond the axis.");
  page.figure(ess_curves(prefix + "ess", shown), "Effective sample size against the number of samples",
              "ESS of n samples. Where it falls with n, the tail of the weights has not been met.");
  page.figure(densities(prefix + "path_lengths", shown, &WeightedSamples::arc_length, "arc length" + unit),
              "Histograms of the lengths of the paths",
              "Arc length of the paths from the prior to the samples.");
  page.figure(metric_overlay(prefix + "loss", shown, false, "validation_loss", "validation loss"),
              "Validation loss of flow matching against time", "Flow-matching loss on held-out data.");
  page.figure(metric_overlay(prefix + "transport_cost", shown, false, "transport_cost", "mean |x_0 − x_1|^2"),
              "Transport cost of the training pairs against time", "Mean squared distance of the pairs.");
  if (std::ranges::any_of(shown, [](const Shown& run) { return there(run.folder.finetune_metrics()); })) {
    page.figure(metric_overlay(prefix + "divergence", shown, true, "validation_loss", "KL"),
                "KL(μ‖p) of held-out data against the time of fine-tuning",
                "KL(μ‖p) on held-out data during fine-tuning.");
  }
  page.figure(integration_overlay(prefix + "integration", shown, reporter),
              "Integration error of RK4 against its number of steps",
              "Difference of log p between RK4 and dopri5 with a small tolerance.");
}

}  // namespace

void put_comparison(FigurePage& page, const Json& comparison, Reporter& reporter) {
  const Json& systems = comparison.at("systems");
  try {
    for (std::size_t k = 0; k < systems.size(); ++k)
      put_system(page, systems[k], systems.size() > 1 ? fmt::format("{}-", k + 1) : "", reporter);
  } catch (const nlohmann::json::exception& error) {
    throw DataError("the evaluation.json of one of the runs is damaged: {}", error.what());
  }
}

}  // namespace equibolt
