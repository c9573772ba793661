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
  struct Options : RunOptions, PermissionOptions {
    std::string init_from;
  };
  const auto options = std::make_shared<Options>();
  add_run_options(*command, *options);
  add_permissions(*command, *options);
  add_device(*command, options->overrides);
  command->add_option("--init-from", options->init_from,
                      "Begin the training with the weights of this model, a file or a name such as lj13; the "
                      "same as --set network.init_from=FILE");
  command->callback([options] {
    Reporter reporter(options->quiet);
    if (!options->init_from.empty()) {
      options->overrides.push_back(
          fmt::format("network.init_from={}", found_source(options->init_from, reporter)));
    }
    const RunConfig config = config_of(*options, reporter);
    const RunFolder folder = run_folder_for(options->config, options->output);
    const Permissions permissions = options->permissions();
    if (options->dry) {
      const RunPlan plan = plan_run(config, folder, permissions);
      if (!plan.refusal.empty()) fmt::print("{}", text_of(plan));
      require_accepted(plan);
      fmt::print("{}", dry_run(config, plan));
      return;
    }
    begin_stoppable(options->max_hours);
    const Evaluation evaluation = run(config, folder, permissions, stop_requested, reporter);
    fmt::print("{}", evaluation_table(evaluation));
    reporter.say("results are in {}", folder.path.string());
  });
}

}  // namespace equibolt
