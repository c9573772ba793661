#include "cli/options.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

#include "config/config.h"
#include "core/cancel.h"
#include "equibolt/error.h"
#include "runs/shipped_files.h"

namespace equibolt {

void add_set(CLI::App& command, std::vector<std::string>& overrides) {
  command.add_option("--set", overrides, "Override a key of the config, as in --set flow.steps=40")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

void add_device(CLI::App& command, std::vector<std::string>& overrides) {
  command
      .add_option_function<std::string>(
          "--device", [&overrides](const std::string& device) { overrides.push_back("device=" + device); },
          "Where the network is computed: cpu, cuda (an NVIDIA GPU) or auto; the same as --set device=")
      ->type_name("DEVICE");
}

void add_source(CLI::App& command, std::string& source) {
  command
      .add_option(
          "RUN|MODEL", source,
          "A run's folder, a model file, or the name of a network that comes with equibolt, such as lj13")
      ->required();
}

std::string found_source(const std::string& source, Reporter& reporter) {
  const std::string path = run_or_model_path(source);
  if (path != source) reporter.say("{} is the network {}", source, path);
  return path;
}

void add_quiet(CLI::App& command, bool& quiet) {
  command.add_flag("-q,--quiet", quiet, "Say nothing but warnings, errors and the result");
}

void add_max_hours(CLI::App& command, double& max_hours) {
  command
      .add_option("--max-hours", max_hours,
                  "Stop after so many hours as on SIGTERM: with a checkpoint and exit code 75")
      ->check(CLI::Range(1e-6, 1e6).description(""))
      ->type_name("HOURS");
}

CLI::Validator positive_count() {
  const auto check = [](const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool right = error == std::errc() && end == text.data() + text.size() && value > 0;
    return right ? std::string() : fmt::format("expected an integer ≥ 1, found {}", text);
  };
  return {check, "≥ 1"};
}

void add_run_options(CLI::App& command, RunOptions& options) {
  command
      .add_option("CONFIG", options.config,
                  fmt::format("A TOML file, or a preset: {}", fmt::join(preset_names(), ", ")))
      ->required();
  command.add_option("-o,--output", options.output, "The run's folder; default: runs/NAME");
  add_set(command, options.overrides);
  add_quiet(command, options.quiet);
  add_max_hours(command, options.max_hours);
  add_dry_run(command, options.dry);
}

void add_permissions(CLI::App& command, PermissionOptions& options) {
  command
      .add_option("--redo", options.redo,
                  "Allow this stage and those after it to be done again where their settings have changed: "
                  "simulation, training, finetuning or evaluation. What they left is moved to previous/")
      ->type_name("STAGE");
  command
      .add_option(
          "--extend", options.extend,
          "Allow a finished training, finetuning or evaluation to go on with more steps or samples; what "
          "was made from it is moved to previous/ and made again")
      ->type_name("STAGE");
}

Permissions PermissionOptions::permissions() const {
  Permissions permissions;
  if (!redo.empty()) permissions.redo = stage_named(redo, "--redo");
  if (!extend.empty()) permissions.extend = stage_named(extend, "--extend");
  if (permissions.extend == Stage::simulation)
    throw UsageError(
        "--extend simulation: a simulation cannot be extended; expected training, finetuning or evaluation");
  return permissions;
}

void add_dry_run(CLI::App& command, bool& dry) {
  command.add_flag("--dry-run", dry, "Write nothing; print what would be done");
}

RunConfig config_of(const RunOptions& options, Reporter& reporter) {
  std::vector<std::string> notes;
  RunConfig config = load_config(options.config, options.overrides, &notes);
  for (const std::string& note : notes) reporter.say("{}", note);
  return config;
}

void begin_stoppable(double max_hours) {
  catch_stop_signals();
  if (max_hours > 0) stop_after(3600 * max_hours);
}

}  // namespace equibolt
