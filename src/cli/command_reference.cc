#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/manual.h"

namespace equibolt {

void add_reference(CLI::App& app) {
  auto* command = app.add_subcommand(
      "reference", "Print the reference of config keys, the man page, or a shell's completion");
  const auto what = std::make_shared<std::string>();
  command->add_option("WHAT", *what, "config (docs/config.md), man, bash or zsh")
      ->required()
      ->check(CLI::IsMember({"config", "man", "bash", "zsh"}).description(""));
  command->callback([what, &app] {
    const std::string text = *what == "config" ? config_reference()
                             : *what == "man"  ? man_page(app)
                             : *what == "bash" ? bash_completion(app)
                                               : zsh_completion(app);
    fmt::print("{}", text);
  });
}

}  // namespace equibolt
