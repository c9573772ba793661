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
  struct Options : RunOptions, PermissionOptions {};
  const auto options = std::make_shared<Options>();
  add_run_options(*command, *options);
  add_permissions(*command, *options);
  command->callback([options] {
    Reporter reporter(options->quiet);
    const RunConfig config = config_of(*options, reporter);
    const RunFolder folder = run_folder_for(options->config, options->output);
    const Permissions permissions = options->permissions();
    if (options->dry) {
      const RunPlan plan = plan_run(config, folder, permissions, Stage::simulation);
      fmt::print("{}", text_of(plan));
      require_accepted(plan);
      return;
    }
    begin_stoppable(options->max_hours);
    simulate_run(config, folder, permissions, stop_requested, reporter);
    fmt::print("{}\n", folder.simulation().string());
  });
}

}  // namespace equibolt
