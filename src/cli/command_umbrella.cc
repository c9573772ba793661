#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/options.h"
#include "core/cancel.h"
#include "molecules/umbrella.h"
#include "molecules/umbrella_json.h"
#include "runs/run_record.h"

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
      const UmbrellaTask task = umbrella_task(config);
      require_kind(folder.path, FolderKind::umbrella);
      fmt::print("{} windows of {} blocks in {}: {}\n", task.options.windows, task.options.blocks,
                 folder.path.string(),
                 std::filesystem::exists(folder.path / "umbrella.json")
                     ? "done before; resumes or analyses again"
                 : std::filesystem::exists(folder.path / "umbrella") ? "resume"
                                                                     : "to do");
      return;
    }
    begin_stoppable(options->max_hours);
    Reporter reporter(options->quiet);
    const auto result = umbrella_run(config, folder, *frames, stop_requested, reporter);
    fmt::print("{}\n{}\n", umbrella_text(result), (folder.path / "umbrella.json").string());
  });
}

}  // namespace equibolt
