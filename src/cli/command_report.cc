#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/options.h"
#include "equibolt/error.h"
#include "report/report.h"

namespace equibolt {

void add_report(CLI::App& app) {
  auto* command = app.add_subcommand(
      "report",
      "Write one page about a run: RUN/report.html, with its figures and their data in RUN/figures");
  struct Options {
    std::string run;
    bool quiet = false;
  };
  const auto options = std::make_shared<Options>();
  command->add_option("RUN", options->run, "A run's folder")->required();
  add_quiet(*command, options->quiet);
  command->callback([options] {
    // Without a slash at its end, so that the folder has a name.
    const RunFolder folder{std::filesystem::absolute(options->run + "/.").lexically_normal().parent_path()};
    if (!std::filesystem::exists(folder.config())) {
      throw IoError("{}: there is no config.toml, which a run's folder has", options->run);
    }
    Reporter reporter(options->quiet);
    write_report(folder, reporter);
    fmt::print("{}\n", folder.report().string());
  });
}

}  // namespace equibolt
