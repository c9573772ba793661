#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/options.h"
#include "core/cancel.h"
#include "runs/run.h"

namespace equibolt {

void add_simulate(CLI::App& app) {
  auto* command = app.add_subcommand(
      "simulate",
      "Only the first stage of run: samples of the target and its log Z; the same command resumes");
  const auto options = std::make_shared<RunOptions>();
  add_run_options(*command, *options);
  command->callback([options] {
    const RunConfig config = load_config(options->config, options->overrides);
    const RunFolder folder = run_folder_for(options->config, options->output);
    begin_stoppable(options->max_hours);
    Reporter reporter(options->quiet);
    simulate_run(config, folder, stop_requested, reporter);
    fmt::print("{}\n", folder.simulation().string());
  });
}

}  // namespace equibolt
