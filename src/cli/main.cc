// The command line: equibolt COMMAND ... . Errors become exit codes here (docs/exit-codes.md).

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "cli/commands.h"
#include "core/log.h"
#include "equibolt/error.h"
#include "equibolt/version.h"
#include "workflow/config_table.h"

namespace equibolt {
namespace {

/// The command that the arguments name, as far as they do.
const CLI::App& command_of(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : *chosen.front();
}

/// What a mistyped flag or command may have been.
std::string suggestion(const CLI::App& app, int argc, char** argv) {
  const CLI::App& command = command_of(app);
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
    known.push_back(sub->get_name());
  }
  for (const std::string& word : app.remaining(true)) {
    const std::string name = word.substr(0, word.find('='));
    const std::string nearest = nearest_name(name, known);
    if (!nearest.empty()) return fmt::format("; did you mean '{}'?", nearest);
  }
  if (&command == &app && argc > 1) {
    return fmt::format("; did you mean '{}'?", nearest_name(argv[1], known));
  }
  return "";
}

ExitCode run_command_line(int argc, char** argv) {
  CLI::App app(
      "Boltzmann generators: from a target energy to independent, reweighted equilibrium samples.\n"
      "Begin with: equibolt run dw4");
  app.name("equibolt");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("equibolt ") + version());
  app.add_option_function<std::string>(
         "--log-format",
         [](const std::string& name) { set_log_format(name == "json" ? LogFormat::json : LogFormat::text); },
         "What standard error gets: text, or json: an object per line")
      ->check(CLI::IsMember({"text", "json"}))
      ->trigger_on_parse();
  app.fallthrough();
  add_init(app);
  add_run(app);
  add_simulate(app);
  add_sample(app);
  add_evaluate(app);
  add_report(app);
  add_inspect(app);
  add_import(app);
  add_field(app);
  add_transport(app);
  add_doctor(app);
  add_reference(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    app.exit(success);
  } catch (const CLI::ParseError& error) {
    throw UsageError("{}{}\nSee '{} --help'.", error.what(), suggestion(app, argc, argv),
                     &command_of(app) == &app ? "equibolt" : "equibolt " + command_of(app).get_name());
  }
  return ExitCode::done;
}

}  // namespace
}  // namespace equibolt

int main(int argc, char** argv) {
  using equibolt::ExitCode;
  using equibolt::log_text;
  ExitCode code = ExitCode::done;
  // A write that cannot be done then fails with a reason rather than ending the process.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    code = equibolt::run_command_line(argc, argv);
  } catch (const equibolt::Error& error) {
    log_text("error", error.what());
    code = error.code();
  } catch (const std::bad_alloc&) {
    log_text("error", "out of memory");
    code = ExitCode::numerical;
  } catch (const std::filesystem::filesystem_error& error) {
    log_text("error", error.what());
    code = ExitCode::io;
  } catch (const std::system_error& error) {  // of fmt::print
    log_text("error", fmt::format("standard output: {}", error.what()));
    code = ExitCode::io;
  } catch (const std::exception& error) {
    log_text("error", fmt::format("internal error: {}", error.what()));
    code = ExitCode::numerical;
  }
  if (std::fflush(stdout) != 0 && code == ExitCode::done) {
    log_text("error", "standard output: cannot write");
    code = ExitCode::io;
  }
  return static_cast<int>(code);
}
