#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"
#include "core/cancel.h"
#include "runs/evaluation.h"
#include "runs/evaluation_folder.h"
#include "runs/reporter.h"

namespace equibolt {

void add_evaluate(CLI::App& app) {
  struct Options {
    std::string source;
    std::string data;
    std::vector<std::string> overrides;
    std::size_t count = 0;
    bool json = false;
    std::string output;
    bool quiet = false;
    bool dry = false;
    double max_hours = 0;
  };
  auto* command =
      app.add_subcommand("evaluate", "Measure how good a Boltzmann generator is; the same command resumes");
  const auto options = std::make_shared<Options>();
  add_source(*command, options->source);
  command->add_option("--data", options->data,
                      "Held-out configurations (.npy or .npz); default: the run's own test data");
  command->add_option("-n,--samples", options->count, "Samples to draw; default: evaluate.samples")
      ->check(positive_count());
  command->add_option("-o,--output", options->output,
                      "A folder that keeps samples, densities and evaluation.json; a model's evaluation "
                      "resumes only with one");
  add_set(*command, options->overrides);
  add_device(*command, options->overrides);
  command->add_flag("--json", options->json, "Print JSON instead of a table");
  add_quiet(*command, options->quiet);
  add_max_hours(*command, options->max_hours);
  add_dry_run(*command, options->dry);
  command->callback([options] {
    begin_stoppable(options->max_hours);
    Reporter reporter(options->quiet);
    if (options->count > 0) {
      options->overrides.push_back(fmt::format("evaluate.samples={}", options->count));
    }
    options->source = found_source(options->source, reporter);
    Session session = Session::open(options->source, options->overrides);
    const Configurations<double> test = test_data_of(options->source, options->data, session);
    if (options->dry) {
      const auto folder = evaluation_folder(options->source, options->output, session, test);
      const std::filesystem::path at = folder.value_or(std::filesystem::path());
      const std::size_t wanted = session.config().evaluate.samples;
      const SamplesPlan plan =
          plan_samples_file(task_of_flow(session, at / "samples.npz", session.config().seed, wanted));
      fmt::print("{} of {} samples are drawn, in {}\n", folder ? plan.done : 0, wanted,
                 folder ? folder->string() : "a temporary folder");
      return;
    }
    EvaluationFolder folder(options->source, options->output, session, test, reporter);
    const HeldOutCheck held_out = check_held_out(options->source, session, test);
    const Evaluation evaluation =
        evaluate_in_files(session, test.view(), held_out, folder.files(), stop_requested, reporter);
    folder.finish(evaluation);
    fmt::print("{}", options->json ? evaluation.dump(1) + "\n" : evaluation_table(evaluation));
  });
}

}  // namespace equibolt
