#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "cli/commands.h"
#include "cli/options.h"
#include "config/config.h"
#include "core/geometry.h"
#include "core/threads.h"
#include "equibolt/error.h"
#include "flow/prior.h"
#include "io/configurations_file.h"
#include "system/make_energy.h"
#include "transport/transport_cost.h"

namespace equibolt {

void add_transport(CLI::App& app) {
  struct Options {
    std::string config;
    std::string data;
    std::vector<std::size_t> batches{1, 4, 16, 64, 256};
    std::size_t pairs = 8192;
    std::vector<std::string> overrides;
  };
  auto* command = app.add_subcommand(
      "transport",
      "Print the mean transport cost against the batch size for each coupling (paper, figure 1c)");
  const auto options = std::make_shared<Options>();
  command
      ->add_option("CONFIG", options->config,
                   "A TOML file or a preset: the system and the coupling's options")
      ->required();
  command->add_option("--data", options->data, "Configurations of the target (.npy or .npz)")->required();
  command->add_option("--batches", options->batches, "Batch sizes, as in --batches 1,16,256")->delimiter(',');
  command->add_option("--pairs", options->pairs, "Pairs to average over, at most")->check(positive_count());
  add_set(*command, options->overrides);
  command->callback([options] {
    const RunConfig config = load_config(options->config, options->overrides);
    const auto energy = make_energy(config.system);
    Configurations<double> data = read_configurations(options->data, energy->particles(), energy->dim());
    remove_mean(data.view());
    Configurations<double> prior(std::min(data.count(), options->pairs), data.particles(), data.dim());
    sample_prior(config.seed, 0, prior);
    CouplingOptions coupling = config.coupling;
    coupling.types = energy->types();
    coupling.dim = energy->dim();
    const std::vector<CouplingKind> kinds{CouplingKind::independent, CouplingKind::ot,
                                          CouplingKind::equivariant_ot, CouplingKind::aligned};
    ThreadPool pool(config.threads);
    const auto rows =
        transport_cost_curve(converted<float>(prior.view()).view(), converted<float>(data.view()).view(),
                             coupling, kinds, options->batches, options->pairs, config.seed, pool);
    fmt::print("{:>6}  {:<15} {:>10} {:>9}  {:>7}\n", "batch", "coupling", "mean cost", "error", "batches");
    for (const TransportCost& row : rows) {
      const std::string error = std::isfinite(row.error) ? fmt::format("{:.4f}", row.error) : "-";
      fmt::print("{:>6}  {:<15} {:>10.4f} {:>9}  {:>7}\n", row.batch, coupling_name(row.kind), row.mean,
                 error, row.batches);
    }
  });
}

}  // namespace equibolt
