#include <fmt/format.h>

#include <memory>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"
#include "workflow/evaluation.h"
#include "workflow/reporter.h"

namespace equibolt {

void add_evaluate(CLI::App& app) {
  struct Options {
    std::string source;
    std::string data;
    std::vector<std::string> overrides;
    std::size_t count = 0;
    bool json = false;
    bool quiet = false;
  };
  auto* command = app.add_subcommand("evaluate", "Measure how good a Boltzmann generator is");
  const auto options = std::make_shared<Options>();
  command->add_option("RUN|MODEL", options->source, "A run's folder or a model file")->required();
  command->add_option("--data", options->data,
                      "Held-out configurations (.npy or .npz); default: the run's own test data");
  command->add_option("-n,--samples", options->count, "Samples to draw; default: evaluate.samples")
      ->check(CLI::PositiveNumber);
  add_set(*command, options->overrides);
  command->add_flag("--json", options->json, "Print JSON instead of a table");
  add_quiet(*command, options->quiet);
  command->callback([options] {
    Reporter reporter(options->quiet);
    if (options->count > 0) {
      options->overrides.push_back(fmt::format("evaluate.samples={}", options->count));
    }
    Session session = Session::open(options->source, options->overrides);
    const Configurations<double> test = test_data_of(options->source, options->data, session);
    const ProgressCallback progress = [&](double fraction) { reporter.progress(fraction); };
    reporter.start_progress("sampling");
    const WeightedSamples samples =
        draw_samples(session, session.config().seed, 0, session.config().evaluate.samples, progress);
    reporter.start_progress("densities of test data");
    const Evaluation evaluation = evaluate(session, samples, test, progress);
    reporter.end_progress();
    fmt::print("{}", options->json ? evaluation.dump(1) + "\n" : evaluation_table(evaluation));
  });
}

}  // namespace equibolt
