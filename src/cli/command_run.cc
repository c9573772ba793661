#include <fmt/format.h>

#include <memory>
#include <vector>

#include "cli/commands.h"
#include "core/cancel.h"
#include "workflow/run.h"

namespace equibolt {

void add_run(CLI::App& app) {
  struct Options {
    std::string config;
    std::string output;
    std::vector<std::string> overrides;
    bool quiet = false;
  };
  auto* command = app.add_subcommand(
      "run", "Simulate the target, train, sample, reweight and evaluate; the same command again resumes");
  const auto options = std::make_shared<Options>();
  command
      ->add_option("CONFIG", options->config,
                   fmt::format("A TOML file, or a preset: {}", fmt::join(preset_names(), ", ")))
      ->required();
  command->add_option("-o,--output", options->output, "The run's folder; default: runs/NAME");
  command->add_option("--set", options->overrides, "Override a key, as in --set train.steps=1000")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_flag("-q,--quiet", options->quiet, "Say nothing but warnings, errors and the result");
  command->callback([options] {
    const RunConfig config = load_config(options->config, options->overrides);
    const RunFolder folder = run_folder_for(options->config, options->output);
    catch_stop_signals();
    Reporter reporter(options->quiet);
    const Evaluation evaluation = run(config, folder, stop_requested, reporter);
    fmt::print("{}", evaluation_table(evaluation));
    reporter.say("results are in {}", folder.path.string());
  });
}

}  // namespace equibolt
