// The command line: equibolt COMMAND ... . Errors become exit codes here (docs/exit-codes.md).

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "cli/commands.h"
#include "config/config_table.h"
#include "core/log.h"
#include "equibolt/error.h"
#include "equibolt/version.h"

namespace equibolt {
namespace {

/// The command that the arguments name, as far as they do.
const CLI::App& command_of(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : *chosen.front();
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(sub->get_name());
  }
  return names;
}

std::vector<std::string> flag_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// What is wrong with a command line that CLI11 refuses with `reason`: a name that is not known comes before
/// the values that are missing for want of it.
std::string complaint(const CLI::App& app, const std::vector<std::string>& words, const std::string& reason) {
  const CLI::App& command = command_of(app);
  const bool named = &command != &app;
  if (words.empty()) return "a command is expected, as in: equibolt run dw4";
  if (!named && !words[0].starts_with('-')) {
    return fmt::format("there is no command '{}'; did you mean '{}'?", words[0],
                       nearest_name(words[0], command_names(app)));
  }
  const std::vector<std::string> known = flag_names(command), always = flag_names(app);
  for (const std::string& word : app.remaining(true)) {
    const std::string name = word.substr(0, word.find('='));
    if (!name.starts_with("--") || std::count(known.begin(), known.end(), name) > 0 ||
        std::count(always.begin(), always.end(), name) > 0) {
      continue;
    }
    return fmt::format("there is no flag '{}'; did you mean '{}'?", name, nearest_name(name, known));
  }
  return reason;
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
  add_relax(app);
  add_surrogate(app);
  add_umbrella(app);
  add_export(app);
  add_sample(app);
  add_evaluate(app);
  add_analyze(app);
  add_compare(app);
  add_report(app);
  add_densities(app);
  add_inspect(app);
  add_import(app);
  add_field(app);
  add_transport(app);
  add_doctor(app);
  add_reference(app);
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    command->group("Commands");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    app.exit(success);
  } catch (const CLI::ParseError& error) {
    const CLI::App& command = command_of(app);
    throw UsageError("{}\nSee '{} --help'.", complaint(app, {argv + 1, argv + argc}, error.what()),
                     &command == &app ? "equibolt" : "equibolt " + command.get_name());
  }
  return ExitCode::done;
}

/// What it means that standard output takes no more. A reader that has read enough, as in
/// `equibolt inspect FILE | head`, is no failure.
ExitCode output_failed(int reason) {
  if (reason == EPIPE) return ExitCode::done;
  log_text("error", fmt::format("standard output: {}", std::strerror(reason)));
  return ExitCode::io;
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
  } catch (const std::system_error& error) {
    // Of fmt::print where standard output failed; else of a thread, say, that the system did not grant.
    if (std::ferror(stdout) != 0) {
      code = equibolt::output_failed(error.code().value());
    } else {
      log_text("error", fmt::format("the operating system refused: {}", error.what()));
      code = ExitCode::io;
    }
  } catch (const std::exception& error) {
    log_text("error", fmt::format("internal error: {}", error.what()));
    code = ExitCode::numerical;
  } catch (...) {
    log_text("error", "internal error: an exception without a message");
    code = ExitCode::numerical;
  }
  if (std::fflush(stdout) != 0 && code == ExitCode::done) code = equibolt::output_failed(errno);
  return static_cast<int>(code);
}
