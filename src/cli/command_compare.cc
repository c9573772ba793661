#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"
#include "report/comparison.h"
#include "report/document.h"
#include "runs/reporter.h"

namespace equibolt {

void add_compare(CLI::App& app) {
  struct Options {
    std::vector<std::string> runs;
    std::string json, csv, figures;
    bool quiet = false;
  };
  auto* command = app.add_subcommand(
      "compare",
      "Compare runs with one another, with what is known of their system and what others have published");
  const auto options = std::make_shared<Options>();
  command
      ->add_option("RUN", options->runs,
                   "Folders of runs; those that differ in their seed alone are averaged")
      ->required();
  command
      ->add_option("--json", options->json,
                   "Write all numbers to this file; -: print them instead of the table")
      ->type_name("FILE|-");
  command->add_option("--csv", options->csv, "Write the numbers as .csv files to this folder")
      ->type_name("FOLDER");
  command
      ->add_option("--figures", options->figures,
                   "Draw overlaid figures (.svg) and a page with them, index.html, in this folder")
      ->type_name("FOLDER");
  add_quiet(*command, options->quiet);
  command->callback([options] {
    Reporter reporter(options->quiet);
    const bool print_json = options->json == "-";
    const DocumentOutput output{print_json ? "" : options->json, options->csv, options->figures};
    output.require_free("comparison", comparison_request(options->runs));
    const auto comparison = compare_runs(options->runs);
    output.write({.name = "comparison",
                  .title = fmt::format("Comparison of {}", fmt::join(options->runs, ", ")),
                  .content = comparison,
                  .tables = [&] { return comparison_tables(comparison); },
                  .put = [&](FigurePage& page) { put_comparison(page, comparison, reporter); }},
                 reporter);
    fmt::print("{}", print_json ? comparison.dump(1) + "\n" : comparison_text(comparison));
  });
}

}  // namespace equibolt
