#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace equibolt {

// Options that several commands have. What they fill has to outlive the app.

/// --set KEY=VALUE, any number of times, and --device.
void add_set(CLI::App& command, std::vector<std::string>& overrides);

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
};
void add_run_options(CLI::App& command, RunOptions& options);

/// Catches signals and starts the clock of --max-hours (0: no limit), for the `stop` of a run.
void begin_stoppable(double max_hours);

}  // namespace equibolt
