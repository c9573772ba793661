#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/options.h"
#include "core/cancel.h"
#include "molecules/umbrella.h"
#include "molecules/umbrella_json.h"

namespace equibolt {

void add_umbrella(CLI::App& app) {
  auto* command =
      app.add_subcommand("umbrella",
                         "Umbrella sampling of a molecule along the dihedral of its state: the free-energy "
                         "profile and that of the state; the same command resumes");
  const auto options = std::make_shared<RunOptions>();
  const auto frames = std::make_shared<std::string>();
  add_run_options(*command, *options);
  command->add_option("--data", *frames, "Frames to begin from, the nearest for each window (.npy or .npz)");
  command->callback([options, frames] {
    const RunConfig config = load_config(options->config, options->overrides);
    RunFolder folder = run_folder_for(options->config, options->output);
    if (options->output.empty()) folder.path += "-umbrella";
    if (options->dry) {
      fmt::print("{}\n", text_of(plan_umbrella(config, folder, *frames)));
      return;
    }
    begin_stoppable(options->max_hours);
    Reporter reporter(options->quiet);
    const auto result = umbrella_run(config, folder, *frames, stop_requested, reporter);
    fmt::print("{}\n{}\n", umbrella_text(result), (folder.path / "umbrella.json").string());
  });
}

}  // namespace equibolt
