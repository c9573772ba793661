#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/options.h"
#include "core/cancel.h"
#include "runs/dry_run.h"
#include "runs/run.h"

namespace equibolt {

void add_run(CLI::App& app) {
  auto* command = app.add_subcommand(
      "run", "Simulate the target, train, sample, reweight and evaluate; the same command again resumes");
  struct Options : RunOptions {
    bool dry = false;
    std::string init_from;
  };
  const auto options = std::make_shared<Options>();
  add_run_options(*command, *options);
  command->add_flag("--dry-run", options->dry,
                    "Write nothing; say what is to be done, and about how long and in how much memory");
  command->add_option("--init-from", options->init_from,
                      "Begin the training with this model's weights: --set network.init_from=MODEL");
  command->callback([options] {
    if (!options->init_from.empty()) {
      options->overrides.push_back(fmt::format("network.init_from={}", options->init_from));
    }
    const RunConfig config = load_config(options->config, options->overrides);
    const RunFolder folder = run_folder_for(options->config, options->output);
    if (options->dry) {
      fmt::print("{}", dry_run(config, folder));
      return;
    }
    begin_stoppable(options->max_hours);
    Reporter reporter(options->quiet);
    const Evaluation evaluation = run(config, folder, stop_requested, reporter);
    fmt::print("{}", evaluation_table(evaluation));
    reporter.say("results are in {}", folder.path.string());
  });
}

}  // namespace equibolt
