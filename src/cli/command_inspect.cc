#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/commands.h"
#include "runs/inspect.h"

namespace equibolt {

void add_inspect(CLI::App& app) {
  auto* command =
      app.add_subcommand("inspect", "Tell what a run's folder, model, samples, checkpoint or config holds");
  const auto path = std::make_shared<std::string>();
  command->add_option("PATH", *path, "A run's folder, or .npz, .npy, .safetensors, .toml or .json")
      ->required();
  command->callback([path] { fmt::print("{}", inspect(*path)); });
}

}  // namespace equibolt
