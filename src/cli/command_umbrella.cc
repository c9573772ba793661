#include <fmt/format.h>

#include <memory>

#include "cli/commands.h"
#include "cli/options.h"
#include "core/cancel.h"
#include "molecules/umbrella.h"

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
    begin_stoppable(options->max_hours);
    Reporter reporter(options->quiet);
    const auto result = umbrella_run(config, folder, *frames, stop_requested, reporter);
    const auto& f = result["free_energy"];
    fmt::print(
        "free energy of {}: {:.3f} ± {:.3f} kT (MBAR {:.3f}); overlap of neighbours at least {:.3f}\n{}\n",
        result["state"].get<std::string>(), f["value"].get<double>(), f["error"].get<double>(),
        f["by_mbar"].get<double>(), result["least_overlap"].get<double>(),
        (folder.path / "umbrella.json").string());
  });
}

}  // namespace equibolt
