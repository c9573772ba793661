#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/commands.h"
#include "runs/inspect.h"
#include "runs/shipped_files.h"

namespace equibolt {

void add_inspect(CLI::App& app) {
  auto* command =
      app.add_subcommand("inspect", "Print what a run's folder, model, samples, checkpoint or config holds");
  const auto path = std::make_shared<std::string>();
  command
      ->add_option("PATH", *path,
                   "A folder of run or umbrella; .npz, .npy, .safetensors, .toml or .json; or a shipped "
                   "network's name")
      ->required();
  command->callback([path] { fmt::print("{}", inspect(run_or_model_path(*path))); });
}

}  // namespace equibolt
