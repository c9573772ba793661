#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"
#include "config/config_table.h"
#include "core/cancel.h"
#include "equibolt/error.h"
#include "runs/density_error.h"

namespace equibolt {
namespace {

/// "flow.KEY=VALUE" with the default of every key of the flow.
std::vector<std::string> flow_defaults() {
  std::vector<std::string> settings;
  RunConfig defaults;
  for (const ConfigKey& key : config_table(defaults)) {
    if (key.name.starts_with("flow.")) settings.push_back(key.name + "=" + key.text());
  }
  return settings;
}

const std::vector<std::string> kSettings{
    "method=rk4,steps=10",
    "method=rk4,steps=20",
    "method=rk4,steps=40",
    "method=dopri5,atol=1e-4,rtol=1e-4",
    "method=dopri5,atol=1e-5,rtol=1e-5",
    "method=rk4,steps=12,divergence_nodes=12",
    "method=rk4,steps=16,divergence_nodes=16",
    "method=rk4,steps=24,divergence_nodes=24",
    "method=dopri5,atol=1e-5,rtol=1e-5,divergence_nodes=16",
    "method=dopri5,atol=1e-4,rtol=1e-4,divergence_tolerance=0.02",
    "method=dopri5,atol=1e-5,rtol=1e-5,divergence_tolerance=0.02",
    "method=dopri5,atol=3e-6,rtol=3e-6,divergence_tolerance=0.02",
};

/// With the flow's "key=value,…" and the program's defaults for every other key of the flow: what a setting
/// does not name is not inherited from the model, so that the label says all.
Session session_with(const std::string& source, std::vector<std::string> overrides,
                     const std::string& setting) {
  const std::vector<std::string> own = flow_defaults();
  overrides.insert(overrides.begin(), own.begin(), own.end());
  for (std::size_t from = 0; from < setting.size();) {
    const std::size_t to = std::min(setting.find(',', from), setting.size());
    overrides.push_back("flow." + setting.substr(from, to - from));
    from = to + 1;
  }
  return Session::open(source, overrides);
}

nlohmann::ordered_json json_of(const std::string& setting, const DensityError& e) {
  return {{"flow", setting},
          {"median", e.median},
          {"quantile99", e.quantile99},
          {"largest", e.largest},
          {"mean", e.mean},
          {"velocities", e.velocities},
          {"divergences", e.divergences},
          {"milliseconds", 1e3 * e.seconds},
          {"ess", e.ess},
          {"ess_exact", e.ess_exact},
          {"failed", e.failed}};
}

}  // namespace

void add_densities(CLI::App& app) {
  struct Options {
    std::string source;
    DensityErrorOptions measure;
    std::vector<std::string> settings;
    std::vector<std::string> overrides;
    bool json = false;
    bool float32 = false, float64 = false;
  };
  auto* command = app.add_subcommand(
      "densities", "Measure the error of log weights for ways of integrating the flow, against float64");
  const auto options = std::make_shared<Options>();
  add_source(*command, options->source);
  command
      ->add_option("-n,--samples", options->measure.samples,
                   "Number of samples for each setting; each costs about a second")
      ->check(positive_count());
  command->add_option("--seed", options->measure.seed, "Seed of the samples");
  command
      ->add_option(
          "--flow", options->settings,
          "A setting to measure, as keys of flow: --flow method=rk4,steps=20. Keys that it leaves out "
          "have the defaults of docs/config.md, not the model's values. May be given any number of times; "
          "default: a list of twelve")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_flag("--backwards", options->measure.backwards,
                    "Measure densities of given configurations instead of samples as they are drawn");
  auto* float64 = command->add_flag("--float64-divergences", options->float64,
                                    "Compute the reference's divergences in float64 too, not its path alone");
  command
      ->add_flag(
          "--float32-reference", options->float32,
          "Compute the reference by the float32 kernels with many steps and nodes: for many samples, to "
          "some 0.001 kT")
      ->excludes(float64);
  command->add_flag("--json", options->json, "Print JSON instead of a table");
  add_set(*command, options->overrides);
  add_device(*command, options->overrides);
  command->callback([options] {
    begin_stoppable(0);
    Reporter reporter;
    options->source = found_source(options->source, reporter);
    if (options->float32) options->measure.reference = DensityReference::float32;
    if (options->float64) options->measure.reference = DensityReference::float64;
    ReferenceDensities known;
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    if (!options->json) {
      fmt::print("{:>10} {:>11}  {:>8} {:>8} {:>8} {:>8}  {:>9}  {:>6} {:>6}  {}\n", "velocities",
                 "divergences", "median", "99 %", "largest", "mean", "ms each", "ESS", "exact",
                 "(errors of log w in kT)");
    }
    const std::vector<std::string>& settings = options->settings.empty() ? kSettings : options->settings;
    const auto print_all = [&] {
      if (options->json) fmt::print("{}\n", all.dump(1));
    };
    try {
      for (const std::string& setting : settings) {
        if (stop_requested()) throw Stopped("");
        Session session = session_with(options->source, options->overrides, setting);
        const DensityError e = density_error(session, options->measure, known, stop_requested);
        all.push_back(json_of(setting, e));
        if (options->json) continue;
        fmt::print(
            "{:>10.1f} {:>11.1f}  {:>8.2g} {:>8.2g} {:>8.2g} {:>8.1g}  {:>9.3g}  {:>6.3f} {:>6.3f}  {}{}\n",
            e.velocities, e.divergences, e.median, e.quantile99, e.largest, e.mean, 1e3 * e.seconds, e.ess,
            e.ess_exact, setting, e.failed > 0 ? fmt::format(" ({} failed)", e.failed) : "");
        std::fflush(stdout);
      }
    } catch (const Stopped&) {
      print_all();
      throw Stopped("stopped after {} of {} settings; what was measured is printed, and nothing is saved",
                    all.size(), settings.size());
    }
    print_all();
  });
}

}  // namespace equibolt
