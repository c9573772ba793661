#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"
#include "report/document.h"
#include "report/observable_figures.h"
#include "runs/analysis.h"
#include "runs/analysis_json.h"
#include "runs/analysis_text.h"
#include "runs/reporter.h"

namespace equibolt {

void add_analyze(CLI::App& app) {
  struct Options {
    AnalysisRequest request;
    std::string json, csv, figures;
    bool keep_mirror_images = false;
    bool quiet = false;
  };
  auto* command = app.add_subcommand(
      "analyze", "Estimate observables of samples, data and umbrella sampling, with their errors");
  const auto options = std::make_shared<Options>();
  AnalysisRequest& request = options->request;
  command
      ->add_option("INPUT", request.inputs,
                   "A run's folder, samples or other configurations (.npz, .npy), or a folder of umbrella; "
                   "several are compared")
      ->required();
  command
      ->add_option(
          "--observable", request.observables,
          "A name from system.dihedrals or system.observables, or [NAME: ]KIND ARGUMENTS with KIND one of "
          "dihedral, angle, distance, distances, gyration, coordination, rmsd, energy, as in "
          "\"r: distance 0 3\". May be given any number of times; default: those that the config names")
      ->type_name("OBSERVABLE")
      ->allow_extra_args(false);
  command
      ->add_option(
          "--state", request.states,
          "The probability and free energy of a state: an interval of an observable, or several, as in "
          "\"phi 0 2, psi -1 1\". May be given any number of times; default: system.state")
      ->type_name("STATE")
      ->allow_extra_args(false);
  command
      ->add_option("--map", request.maps,
                   "The free energy as a function of two observables, as in --map phi psi")
      ->type_name("OBSERVABLE")
      ->allow_extra_args(false);
  command->add_option(
      "--config", request.config,
      "The system of the inputs: a preset, a TOML file or a run's folder; default: what each input "
      "says of itself");
  command->add_option("--bins", request.bins, "Number of bins of histograms and profiles")
      ->check(positive_count());
  command->add_option("--map-bins", request.map_bins, "Number of bins on each axis of a map")
      ->check(positive_count());
  command->add_flag(
      "--keep-mirror-images", options->keep_mirror_images,
      "Leave configurations that are the mirror image of a chiral molecule's structure as they are; "
      "without it they are reflected, and counted");
  command
      ->add_option("--json", options->json,
                   "Write all numbers to this file; -: print them instead of the table")
      ->type_name("FILE|-");
  command
      ->add_option("--csv", options->csv, "Write histograms, profiles and maps as .csv files to this folder")
      ->type_name("FOLDER");
  command
      ->add_option("--figures", options->figures,
                   "Draw figures (.svg) and a page with them, index.html, in this folder")
      ->type_name("FOLDER");
  add_quiet(*command, options->quiet);
  command->callback([options] {
    if (options->keep_mirror_images) options->request.mirror_images = MirrorImages::keep;
    Reporter reporter(options->quiet);
    const bool print_json = options->json == "-";
    const DocumentOutput output{print_json ? "" : options->json, options->csv, options->figures};
    output.require_free("analysis", request_json(options->request));
    const auto analysis = analyse(options->request, reporter);
    output.write({.name = "analysis",
                  .title = fmt::format("Analysis of {}", fmt::join(options->request.inputs, ", ")),
                  .content = analysis,
                  .tables = [&] { return analysis_tables(analysis); },
                  .put = [&](FigurePage& page) { put_analysis(page, analysis); }},
                 reporter);
    fmt::print("{}", print_json ? analysis.dump(1) + "\n" : analysis_text(analysis));
  });
}

}  // namespace equibolt
