#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/options.h"
#include "core/cancel.h"
#include "workflow/run.h"

namespace equibolt {

void add_run(CLI::App& app) {
  auto* command = app.add_subcommand(
      "run", "Simulate the target, train, sample, reweight and evaluate; the same command again resumes");
  const auto options = std::make_shared<RunOptions>();
  add_run_options(*command, *options);
  command->callback([options] {
    const RunConfig config = load_config(options->config, options->overrides);
    const RunFolder folder = run_folder_for(options->config, options->output);
    begin_stoppable(options->max_hours);
    Reporter reporter(options->quiet);
    const Evaluation evaluation = run(config, folder, stop_requested, reporter);
    fmt::print("{}", evaluation_table(evaluation));
    reporter.say("results are in {}", folder.path.string());
  });
}

}  // namespace equibolt
