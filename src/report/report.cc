#include "report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "config/config_table.h"
#include "core/geometry.h"
#include "core/number_text.h"
#include "core/progress.h"
#include "equibolt/error.h"
#include "equibolt/version.h"
#include "flow/prior.h"
#include "io/atomic_file.h"
#include "io/configurations_file.h"
#include "report/figure_page.h"
#include "report/figures.h"
#include "report/molecule_report.h"
#include "report/observable_figures.h"
#include "report/probe.h"
#include "report/published.h"
#include "report/run_session.h"
#include "runs/costs.h"
#include "runs/energy_inputs.h"
#include "runs/history.h"
#include "runs/sampling.h"
#include "runs/training_stage.h"
#include "system/molecule_options.h"

namespace equibolt {
namespace {

constexpr std::size_t kTransportPairs = 1024;

bool there(const std::filesystem::path& path) {
  return std::filesystem::exists(path);
}

/// ", Å" behind the names of lengths, for systems whose lengths have a unit.
std::string length_unit(const RunConfig& config) {
  return molecule_options_of(config.system) != nullptr ? ", Å" : "";
}

std::optional<double> number(const nlohmann::ordered_json& json, const std::string& key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

/// "1.234 ± 0.040" of NAME and NAME_error; without an error with so many `digits`; "–" where there is none.
std::string estimate_text(const nlohmann::ordered_json& json, const std::string& key, int digits,
                          double scale = 1) {
  const auto value = number(json, key), error = number(json, key + "_error");
  if (!value) return "–";
  if (!error) return fmt::format("{:.{}f}", *value * scale, digits);
  return with_error(*value * scale, *error * scale);
}

/// ", Å" becomes ", Å^2", for gnuplot.
std::string square_of(const std::string& unit) {
  return unit.empty() ? "" : unit + "^2";
}

/// Everything a run's folder may hold, read once.
struct Contents {
  RunFolder folder;
  RunConfig config;
  std::vector<nlohmann::json> metrics;
  std::vector<nlohmann::json> finetune_metrics;
  std::optional<nlohmann::ordered_json> simulation;
  std::optional<Evaluation> evaluation;
  std::optional<WeightedSamples> samples;
  std::optional<WeightedSamples> test;
};

Contents read_contents(const RunFolder& folder) {
  Contents run{folder,
               config_of_run(folder),
               read_metrics(folder.metrics()),
               read_metrics(folder.finetune_metrics()),
               {},
               {},
               {},
               {}};
  if (there(folder.simulation())) run.simulation = read_json(folder.simulation());
  if (there(folder.evaluation())) run.evaluation = read_json(folder.evaluation());
  if (there(folder.samples())) run.samples = read_samples(folder.samples());
  if (there(folder.test_densities())) run.test = read_samples(folder.test_densities());
  return run;
}

/// What a perfect model would have, and what others have published.
void put_known(TableRows& rows, const KnownSystem& known, const std::optional<double>& mean_energy) {
  if (const auto found = known.values.find("log_z"); found != known.values.end()) {
    const Estimate& log_z = found->second.estimate;
    rows.push_back(
        {fmt::format("a perfect model, by {}", found->second.by),
         mean_energy ? fmt::format("{:.3f}", *mean_energy + log_z.value) : "–", "0", "100", "–",
         log_z.error == 0 ? fmt::format("{:.4f}", log_z.value) : with_error(log_z.value, log_z.error)});
  }
  for (const PublishedResult& result : known.published) {
    const auto shown = [&](const char* name, double scale = 1) -> std::string {
      const auto value = result.values.find(name);
      if (value == result.values.end()) return "–";
      return published_text(value->second, scale);
    };
    const bool any = std::ranges::any_of(std::array{"nll", "ess", "path_length", "log_z"},
                                         [&](const char* name) { return result.values.contains(name); });
    if (any) {
      rows.push_back({fmt::format("{}; {}, {}", result.model, result.source, result.evidence), shown("nll"),
                      "–", shown("ess", 100), shown("path_length"), shown("log_z")});
    }
  }
}

void put_results(FigurePage& report, const Contents& run) {
  if (!run.evaluation) return;
  report.page().heading("Results");
  const Evaluation& e = *run.evaluation;
  if (e.contains("warnings")) {
    for (const auto& warning : e["warnings"])
      report.page().paragraph("Warning: " + warning.get<std::string>());
  }
  if (e.contains("verdict")) report.page().paragraph("Verdict: " + e["verdict"].get<std::string>() + ".");
  const std::optional<KnownSystem> known = known_system(run.config);
  TableRows rows{{"", "NLL", "KL(μ‖p)", "ESS, %", "path length", "ln(Z/Z_prior)"}};
  rows.push_back({"this run", estimate_text(e, "nll", 3), estimate_text(e, "kl", 3),
                  estimate_text(e, "ess", 1, 100), estimate_text(e, "path_length", 2),
                  estimate_text(e, "log_z", 4)});
  if (number(e, "log_z_bar")) {
    rows.push_back(
        {"this run, with the held-out data", "–", "–", "–", "–", estimate_text(e, "log_z_bar", 4)});
  }
  const auto mean_energy = number(e, "energy_mean_test"), log_z = number(e, "log_z_reference");
  if (mean_energy && log_z) {
    rows.push_back({"a perfect model, by this run's simulation", fmt::format("{:.3f}", *mean_energy + *log_z),
                    "0", "100", "–", estimate_text(e, "log_z_reference", 4)});
  }
  if (known) put_known(rows, *known, mean_energy);
  const auto count = [&](const char* key) { return number(e, key).value_or(0); };
  report.page().table(
      rows,
      fmt::format(
          "From {:.0f} samples of the flow and {:.0f} held-out configurations; {:.0f} and {:.0f} of them "
          "failed and have weight zero. NLL without the prior's constant; with it {}. Errors are one "
          "standard error. Published NLL were measured on other test sets, so compare with care: a value "
          "below that of a perfect model means that the test data were not in equilibrium.",
          count("n_samples"), count("n_test"), count("failed"), count("failed_test"),
          estimate_text(e, "nll_normalized", 3)));
}

void put_histograms(FigurePage& report, const Contents& run) {
  if (!run.evaluation || !run.evaluation->contains("energy_histogram")) return;
  report.page().heading("Does it sample the target?");
  const Evaluation& e = *run.evaluation;
  report.figure(
      histogram_figure("energies", e.at("energy_histogram"), "energy, kT"),
      "Histogram of the energies of test data, samples and reweighted samples",
      fmt::format("Energies. Reweighted samples against test data: Kolmogorov–Smirnov distance {}, p = {}.",
                  estimate_text(e, "energy_ks", 3), estimate_text(e, "energy_ks_p", 2)));
  report.figure(
      histogram_figure("distances", e.at("distance_histogram"),
                       fmt::format("distance of two particles{}", length_unit(run.config))),
      "Histogram of the pair distances of test data, samples and reweighted samples",
      fmt::format("Distances of all pairs. By the mean distance of each configuration: distance {}, p = {}.",
                  estimate_text(e, "distance_ks", 3), estimate_text(e, "distance_ks_p", 2)));
}

void put_weights(FigurePage& report, const Contents& run) {
  if (!run.samples || !run.evaluation) return;
  report.page().heading("Weights");
  const Evaluation& e = *run.evaluation;
  report.page().table(
      {{"effective samples", "ESS / n, %", "forward ESS, %", "largest weight, %", "Pareto k̂"},
       {fmt::format("{:.0f}", number(e, "ess").value_or(0) * number(e, "n_samples").value_or(0)),
        estimate_text(e, "ess", 1, 100), estimate_text(e, "ess_forward", 1, 100),
        estimate_text(e, "largest_weight", 3, 100), estimate_text(e, "pareto_k", 2)}},
      "The forward ESS is seen from the test data. With k̂ above 0.7 no average over weights, nor the "
      "ESS itself, is to be trusted.");
  std::vector<ValueSet> sets{{"flow", run.samples->log_weight}};
  if (run.test) sets.push_back({"test data", run.test->log_weight});
  report.figure(density_figure("log_weights", sets, "log weight"), "Histogram of the log weights",
                "Log weights −U − log p − ln Z_prior, of samples of the flow and of test data. For a perfect "
                "model all are ln(Z/Z_prior). Far outliers lie beyond the axis.");
  if (e.contains("ess_against_n")) {
    report.figure(
        ess_figure(e.at("ess_against_n")), "Effective sample size against the number of samples",
        "ESS of disjoint sets of n samples. Where it falls with n, the samples have not yet reached "
        "the tail of the weights.");
  }
}

void put_speed(FigurePage& report, const nlohmann::json& last, std::size_t batch) {
  report.page().paragraph(
      fmt::format("{} steps of {} samples in {}; {} steps skipped; {} samples per second at the end.",
                  last.value("step", 0L), batch, duration_text(last.value("seconds", 0.0)),
                  last.value("skipped", 0L), rate_text(last.value("samples_per_second", 0.0))));
}

void put_training(FigurePage& report, const Contents& run) {
  if (run.metrics.empty()) return;
  report.page().heading("Training");
  put_speed(report, run.metrics.back(), run.config.train.batch);
  report.figure(
      metric_curves("loss", run.metrics,
                    {{"loss", "training"}, {"validation_loss", "validation, averaged weights"}}, "loss"),
      "Loss against the training step",
      "Flow-matching loss, mean over batch and coordinates. It does not go to zero: at one x_t "
      "many pairs meet.");
  report.figure(metric_curves("gradient", run.metrics, {{"gradient_norm", ""}}, "norm of the gradient"),
                "Gradient norm against the training step",
                "Norm of the gradient, mean since the point before.");
  report.figure(metric_curves("transport_cost", run.metrics, {{"transport_cost", ""}},
                              fmt::format("mean |x_0 - x_1|^2{}", square_of(length_unit(run.config)))),
                "Transport cost against the training step",
                "Mean squared distance of the pairs that were trained on.");
}

void put_finetuning(FigurePage& report, const Contents& run) {
  if (run.finetune_metrics.empty()) return;
  report.page().heading("Fine-tuning");
  put_speed(report, run.finetune_metrics.back(), run.config.finetune.batch);
  report.figure(
      metric_curves("divergence", run.finetune_metrics,
                    {{"loss", "training"}, {"validation_loss", "validation, averaged weights"}}, "KL"),
      "KL(μ‖p) against the step of fine-tuning",
      "Of the batches, by estimated divergences, and of held-out data, by those of the evaluation.");
  report.figure(
      metric_curves("path_gradient", run.finetune_metrics, {{"gradient_norm", ""}}, "norm of the gradient"),
      "Norm of the path gradient against the step", "Mean since the point before.");
}

/// Training data for transport costs; nothing where it has gone.
std::optional<Configurations<double>> training_data(const Contents& run) {
  const std::filesystem::path path =
      run.config.data.train.empty() ? run.folder.train_data().string() : run.config.data.train;
  if (!there(path)) return std::nullopt;
  Configurations<double> x = read_configurations(path, run.config.system.particles, run.config.system.dim);
  remove_mean(x.view());
  return x;
}

void put_transport(FigurePage& report, const Contents& run, Session& session) {
  const auto data = training_data(run);
  if (!data) {
    report.page().missing("The training data is gone: no transport costs.");
    return;
  }
  CouplingOptions options = run.config.coupling;
  options.types = session.energy().types();
  options.dim = session.dim();
  const std::size_t pairs = std::min(kTransportPairs, data->count());
  std::vector<std::size_t> batches;
  for (const std::size_t batch : {1U, 4U, 16U, 64U, 256U}) {
    if (batch <= pairs) batches.push_back(batch);
  }
  Configurations<double> prior(pairs, data->particles(), data->dim());
  sample_prior(run.config.seed, 0, prior.view());
  const std::vector<CouplingKind> kinds{CouplingKind::independent, CouplingKind::ot, CouplingKind::aligned,
                                        CouplingKind::equivariant_ot};
  const auto costs =
      transport_cost_curve(converted<float>(prior.view()).view(), converted<float>(data->view()).view(),
                           options, kinds, batches, pairs, run.config.seed, session.pool());
  report.figure(
      transport_figure(costs, square_of(length_unit(run.config))),
      "Transport cost of each coupling against the batch size",
      fmt::format(
          "Mean squared distance of {} pairs of prior and data for each coupling (paper, figures 1c and 2d). "
          "The training used {} with batches of {}.",
          pairs, coupling_name(run.config.coupling.kind), run.config.train.batch));
}

void put_paths(FigurePage& report, const Contents& run, Session& session) {
  report.page().heading("Paths");
  if (run.samples) {
    report.figure(
        density_figure("path_lengths",
                       {{"arc length", run.samples->arc_length}, {"displacement", run.samples->displacement}},
                       fmt::format("length{}", length_unit(run.config))),
        "Histogram of the lengths of the paths",
        fmt::format("Arc length of the paths and distance of their ends, of {} samples. A straight path has "
                    "both equal.",
                    run.samples->arc_length.size()));
  }
  report.figure(path_figure(path_of_sample(session, run.config.seed, 0, 41), length_unit(run.config)),
                "The particles' paths from the prior to a sample",
                "The path of each particle from a sample of the prior to a sample of the flow, in the first "
                "two coordinates.");
  put_transport(report, run, session);
  const IntegrationErrors errors = integration_errors(session, run.config.seed);
  const auto shown = [](const Estimate& e) { return fmt::format("{:.2g} ± {:.1g}", e.value, e.error); };
  report.figure(
      integration_figure(errors, length_unit(run.config)),
      "Integration error of RK4 against its number of steps",
      fmt::format("Sum of the absolute differences of all coordinates, and difference of log p, between "
                  "RK4 with n steps (4n evaluations) and dopri5 with tolerance {:g} ({:.0f} evaluations); "
                  "mean over {} samples (paper, figures 2f and 6c). This run's own setting, with {:.0f} "
                  "evaluations, is off by {} and {}.",
                  errors.tolerance, errors.reference_evaluations, errors.samples, errors.own_evaluations,
                  shown(errors.own.position), shown(errors.own.log_density)));
}

/// "by replica exchange with Langevin dynamics".
std::string method_of(const SimulateOptions& options) {
  const std::string mover =
      options.mover == MoverKind::langevin ? "Langevin dynamics" : "Hamiltonian Monte Carlo";
  return options.rungs > 1 ? fmt::format("replica exchange with {}", mover) : mover;
}

void put_simulation(FigurePage& report, const Contents& run) {
  if (!run.config.data.train.empty()) {
    report.page().heading("Simulation of the target");
    report.page().paragraph(fmt::format("None: the data is {}.", run.config.data.train));
    return;
  }
  if (!run.simulation) return;
  report.page().heading("Simulation of the target");
  const auto& s = *run.simulation;
  TableRows rows{{"", "mean", "autocorrelation time", "effective samples", "R̂"}};
  const auto row = [&](const std::string& name, const nlohmann::ordered_json& of) {
    const auto value = [&](const char* key) {  // null where it could not be estimated
      return of.contains(key) && of[key].is_number() ? of[key].get<double>() : NAN;
    };
    rows.push_back({name, with_error(value("value"), value("error")),
                    fmt::format("{:.2f}", value("autocorrelation_time")),
                    fmt::format("{:.0f}", value("effective_samples")),
                    fmt::format("{:.4f}", value("r_hat"))});
  };
  if (s.contains("log_z") && s["log_z"].is_object()) row("ln(Z/Z_prior)", s["log_z"]);
  if (s.contains("samples_of")) {
    for (const auto& [name, of] : s["samples_of"].items()) {
      const bool is_energy = name == "energy";
      std::string words = name;
      std::replace(words.begin(), words.end(), '_', ' ');
      row(words + (is_energy ? ", kT" : length_unit(run.config)), of);
    }
  }
  const long thinning = s.value("thinning", 0L);
  report.page().table(
      rows, fmt::format("{} samples of {} independent chains, one {}, by {}; times in units of samples. R̂ "
                        "compares the chains and is 1 where they agree.",
                        s.value("samples", 0L), run.config.simulate.chains,
                        thinning == 1 ? "per iteration" : fmt::format("in {} iterations", thinning),
                        method_of(run.config.simulate)));
}

void put_costs(FigurePage& report, const Contents& run) {
  TableRows rows{{"stage", "time", "energies", "of these with gradients"}};
  const auto count = [](std::uint64_t n) { return n > 0 ? fmt::format("{}", n) : std::string("–"); };
  for (const StageCost& cost : costs_of(run.config, run.folder)) {
    rows.push_back({std::string(name_of(cost.stage)), cost.seconds ? duration_text(*cost.seconds) : "–",
                    count(cost.energies), count(cost.gradients)});
  }
  if (rows.size() == 1) return;
  report.page().heading("Costs");
  report.page().table(rows,
                      "Time that calls worked on each stage, and evaluations of the energy behind its "
                      "results. The time of calls that were killed is not known.");
}

void put_provenance(FigurePage& report, const Contents& run) {
  report.page().heading("What was run");
  TableRows rows{{"begun, UTC", "version", "commit", "processor", "kernels", "threads"}};
  for (const HistoryEntry& call : read_history(run.folder)) {
    rows.push_back({call.begun, call.version, call.commit, call.processor,
                    call.gpu.empty() ? call.instruction_set : call.gpu, fmt::format("{}", call.threads)});
  }
  if (rows.size() > 1) report.page().table(rows, "Calls of the program that worked on this run.");
  report.page().details("The config", config_text(run.config, true));
}

/// Names the stages that are still to come, whose sections are not on the page.
void put_missing(FigurePage& report, const Contents& run) {
  std::string stages;
  const auto add = [&](bool done, const char* stage) {
    if (!done) stages += fmt::format("{}{}", stages.empty() ? "" : ", ", stage);
  };
  add(run.simulation.has_value() || !run.config.data.train.empty(), "simulation");
  add(there(run.folder.model()), "training");
  add(run.samples.has_value(), "samples");
  add(run.evaluation.has_value(), "evaluation");
  if (!stages.empty()) report.page().missing(fmt::format("Not done yet: {}.", stages));
}

/// What a run of simulation, training and evaluation has so far.
void put_run(FigurePage& report, const Contents& run, Reporter& reporter) {
  put_missing(report, run);
  put_results(report, run);
  put_histograms(report, run);
  put_weights(report, run);
  put_training(report, run);
  put_finetuning(report, run);
  if (there(run.folder.model())) {
    reporter.say("computing paths, transport costs and integration errors");
    Session session = session_of_run(run.folder);
    put_paths(report, run, session);
  }
  put_simulation(report, run);
  put_dihedrals(report, run.config, run.folder);
  put_observables(report, run.config, run.folder, reporter);
}

}  // namespace

void write_report(const RunFolder& folder, Reporter& reporter) {
  if (!has_gnuplot())
    throw IoError("the report's figures need gnuplot; on Debian it is in the package gnuplot-nox");
  const Contents run = read_contents(folder);
  create_folder(folder.figures());
  std::string system(system_kinds()[run.config.system.kind.index()].first);
  std::replace(system.begin(), system.end(), '_', ' ');
  FigurePage report(Page(fmt::format("{}: {} particles in {} dimensions, {}", folder.path.filename().string(),
                                     run.config.system.particles, run.config.system.dim, system)),
                    folder.figures());
  const std::filesystem::path umbrella = folder.path / "umbrella.json";
  if (there(umbrella)) {
    put_umbrella(report, read_json(umbrella));
  } else {
    put_run(report, run, reporter);
    put_costs(report, run);
  }
  put_provenance(report, run);
  report.page().paragraph(
      fmt::format("Made by equibolt {}, commit {}. The figures' data and scripts are in {}.", version(),
                  commit(), folder.figures().filename().string()));
  write_file(folder.report(), report.page().html());
}

}  // namespace equibolt
