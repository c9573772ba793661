#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"
#include "core/error.h"
#include "workflow/reporter.h"
#include "workflow/sampling.h"

namespace equibolt {

void add_sample(CLI::App& app) {
  struct Options {
    std::string source;
    std::string output;
    std::size_t count = 0;
    std::optional<std::uint64_t> seed;
    std::vector<std::string> overrides;
    bool quiet = false;
  };
  auto* command =
      app.add_subcommand("sample", "Draw independent samples with exact density, energy and weight");
  const auto options = std::make_shared<Options>();
  command->add_option("RUN|MODEL", options->source, "A run's folder or a model file")->required();
  command->add_option("-n,--samples", options->count, "How many")->required()->check(CLI::PositiveNumber);
  command->add_option("-o,--output", options->output, "The .npz file to write")->required();
  command->add_option("--seed", options->seed,
                      "Sample i depends on the seed and i alone; default: the run's");
  add_set(*command, options->overrides);
  add_quiet(*command, options->quiet);
  command->callback([options] {
    Session session = Session::open(options->source, options->overrides);
    Reporter reporter(options->quiet);
    reporter.start_progress("sampling");
    const WeightedSamples samples =
        draw_samples(session, options->seed.value_or(session.config().seed), 0, options->count,
                     [&](double fraction) { reporter.progress(fraction); });
    write_samples(options->output, samples);
    if (samples.failed() > 0) {
      reporter.warn(fmt::format("{} of {} samples failed and have weight zero; see 'status'",
                                samples.failed(), options->count));
    }
    reporter.say("wrote {} samples to {}", options->count, options->output);
  });
}

}  // namespace equibolt
