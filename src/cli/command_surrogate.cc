#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/options.h"
#include "core/cancel.h"
#include "molecules/surrogate.h"

namespace equibolt {

void add_surrogate(CLI::App& app) {
  struct Options {
    std::string config, frames, output;
    std::vector<std::string> overrides;
    bool quiet = false;
    bool dry = false;
    double max_hours = 0;
  };
  auto* command =
      app.add_subcommand("surrogate",
                         "Fits a correction of a cheaper energy to a molecule's own, for umbrella "
                         "sampling that proposes by the one and accepts by the other; the same command "
                         "resumes, and more surrogate.rounds go on");
  const auto options = std::make_shared<Options>();
  command->add_option("CONFIG", options->config, "A TOML file or a preset, of a molecule")->required();
  command->add_option("--data", options->frames,
                      "Frames to begin from, the nearest for each window (.npy or .npz)");
  command->add_option("-o,--output", options->output, "The surrogate (.npz)")->required();
  add_set(*command, options->overrides);
  add_quiet(*command, options->quiet);
  add_max_hours(*command, options->max_hours);
  add_dry_run(*command, options->dry);
  command->callback([options] {
    const RunConfig config = load_config(options->config, options->overrides);
    if (options->dry) {
      fmt::print("{}\n", text_of(plan_surrogate(config, options->frames, options->output)));
      return;
    }
    begin_stoppable(options->max_hours);
    Reporter reporter(options->quiet);
    const auto rounds = make_surrogate(config, options->frames, options->output, stop_requested, reporter);
    fmt::print("round  configurations  failed  deviation, kT  accepted, %  in the worst window\n");
    for (std::size_t r = 0; r < rounds.size(); ++r) {
      fmt::print("{:5} {:15} {:7} {:14.2f} {:12.0f} {:20.0f}\n", r + 1, rounds[r].configurations,
                 rounds[r].failed, rounds[r].deviation, 100 * rounds[r].acceptance,
                 100 * rounds[r].least_acceptance);
    }
  });
}

}  // namespace equibolt
