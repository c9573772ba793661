#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"
#include "core/cancel.h"
#include "equibolt/error.h"
#include "io/npz.h"
#include "runs/reporter.h"
#include "runs/samples_file.h"

namespace equibolt {

void add_sample(CLI::App& app) {
  struct Options {
    std::string source;
    std::string output;
    std::size_t count = 0;
    std::optional<std::uint64_t> seed;
    std::vector<std::string> overrides;
    bool quiet = false;
    bool dry = false;
    double max_hours = 0;
  };
  auto* command = app.add_subcommand(
      "sample", "Draw independent samples with exact density, energy and weight; the same command resumes");
  const auto options = std::make_shared<Options>();
  add_source(*command, options->source);
  command->add_option("-n,--samples", options->count, "Number of samples to draw")
      ->required()
      ->check(positive_count());
  command->add_option("-o,--output", options->output, "The .npz file to write")->required();
  command->add_option("--seed", options->seed,
                      "Sample i depends on the seed and i alone; default: the run's");
  add_set(*command, options->overrides);
  add_device(*command, options->overrides);
  add_quiet(*command, options->quiet);
  add_max_hours(*command, options->max_hours);
  add_dry_run(*command, options->dry);
  command->callback([options] {
    const auto there = std::filesystem::status(options->output);
    const bool new_or_file = !std::filesystem::exists(there) || std::filesystem::is_regular_file(there);
    if (new_or_file && !options->output.ends_with(".npz")) {
      throw UsageError("--output {}: samples are written as .npz: expected a name with that ending",
                       options->output);
    }
    begin_stoppable(options->max_hours);
    Reporter reporter(options->quiet);
    Session session = Session::open(found_source(options->source, reporter), options->overrides);
    const SamplesTask task =
        task_of_flow(session, options->output, options->seed.value_or(session.config().seed), options->count);
    if (options->dry) {
      const SamplesPlan plan = plan_samples_file(task);
      fmt::print("{} of {} samples are in {}\n", plan.done, options->count, options->output);
      return;
    }
    const bool made = make_samples_file(task, stop_requested, reporter);
    const auto status = read_npz_array(options->output, "status").as_int64();
    const auto failed =
        options->count - static_cast<std::size_t>(std::count(status.begin(), status.end(), 0));
    if (failed == options->count) {
      throw NumericalError(
          "{}: all of the {} samples failed, see its array 'status'; the network is not usable",
          options->output, failed);
    }
    if (failed > 0) {
      reporter.warn(
          fmt::format("{} of {} samples failed and have weight zero; see 'status'", failed, options->count));
    }
    if (made) {
      reporter.say("wrote {} samples to {}", options->count, options->output);
    } else {
      reporter.say("{} holds these {} samples already", options->output, options->count);
    }
  });
}

}  // namespace equibolt
