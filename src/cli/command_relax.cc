#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/options.h"
#include "core/cancel.h"
#include "molecules/relaxation.h"

namespace equibolt {

void add_relax(CLI::App& app) {
  struct Options {
    std::string config, frames, output;
    std::size_t count = 10000;
    std::vector<std::string> overrides;
    bool quiet = false;
    bool dry = false;
    double max_hours = 0;
  };
  auto* command = app.add_subcommand("relax",
                                     "Short dynamics of a molecule under the config's energy, from frames "
                                     "that another energy gave; the same "
                                     "command resumes, and a larger -n goes on");
  const auto options = std::make_shared<Options>();
  command->add_option("CONFIG", options->config, "A TOML file or a preset, of a molecule")->required();
  command->add_option("--data", options->frames, "The frames to begin from (.npy or .npz)")->required();
  command->add_option("-o,--output", options->output, "The relaxed configurations (.npz)")->required();
  command->add_option("-n", options->count, "Trajectories in all")->check(CLI::PositiveNumber);
  add_set(*command, options->overrides);
  add_quiet(*command, options->quiet);
  add_max_hours(*command, options->max_hours);
  add_dry_run(*command, options->dry);
  command->callback([options] {
    const RunConfig config = load_config(options->config, options->overrides);
    const RelaxationTask task{options->frames, options->output, options->count};
    if (options->dry) {
      fmt::print("{}\n", text_of(plan_relaxation(config, task)));
      return;
    }
    begin_stoppable(options->max_hours);
    Reporter reporter(options->quiet);
    const std::size_t count = relax_frames(config, task, stop_requested, reporter);
    fmt::print("{}: {} configurations\n", options->output, count);
  });
}

}  // namespace equibolt
