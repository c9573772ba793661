#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "config/config.h"
#include "runs/plan.h"
#include "runs/reporter.h"

namespace equibolt {

// Options that several commands have. What they fill has to outlive the app.

/// --set KEY=VALUE, any number of times.
void add_set(CLI::App& command, std::vector<std::string>& overrides);

/// --device, of the commands that compute the network.
void add_device(CLI::App& command, std::vector<std::string>& overrides);

/// RUN|MODEL: a run's folder, a model file, or the name of a network that comes with the program.
void add_source(CLI::App& command, std::string& source);

/// The path of what add_source was given; says which file a name stands for.
std::string found_source(const std::string& source, Reporter& reporter);

void add_quiet(CLI::App& command, bool& quiet);

void add_max_hours(CLI::App& command, double& max_hours);

/// Of a number of things: an integer, 1 or more.
CLI::Validator positive_count();

/// The options of the commands that make a run's folder.
struct RunOptions {
  std::string config;
  std::string output;
  std::vector<std::string> overrides;
  bool quiet = false;
  double max_hours = 0;  ///< 0: no limit
  bool dry = false;      ///< only say what would be done
};
void add_run_options(CLI::App& command, RunOptions& options);

/// --redo and --extend.
struct PermissionOptions {
  std::string redo, extend;
  /// Throws UsageError for names of no stage.
  Permissions permissions() const;
};
void add_permissions(CLI::App& command, PermissionOptions& options);

/// --dry-run, of a command that makes one output.
void add_dry_run(CLI::App& command, bool& dry);

/// The config of the options; says what is to be noted about it.
RunConfig config_of(const RunOptions& options, Reporter& reporter);

/// Catches signals and starts the clock of --max-hours (0: no limit), for the `stop` of a run.
void begin_stoppable(double max_hours);

}  // namespace equibolt
