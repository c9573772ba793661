#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/manual.h"
#include "report/known_values.h"

namespace equibolt {

void add_reference(CLI::App& app) {
  auto* command =
      app.add_subcommand("reference",
                         "Print what is known of the presets' systems, the reference of config keys, "
                         "the man page, or a shell's completion");
  const auto what = std::make_shared<std::string>();
  command
      ->add_option(
          "WHAT", *what,
          "values (exact and published ones, with their sources), config (docs/config.md), man, bash or zsh")
      ->required()
      ->check(CLI::IsMember({"values", "config", "man", "bash", "zsh"}).description(""));
  command->callback([what, &app] {
    const std::string text = *what == "values"   ? known_values_text()
                             : *what == "config" ? config_reference()
                             : *what == "man"    ? man_page(app)
                             : *what == "bash"   ? bash_completion(app)
                                                 : zsh_completion(app);
    fmt::print("{}", text);
  });
}

}  // namespace equibolt
