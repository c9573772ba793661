#include "molecules/surrogate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analyze/estimate.h"
#include "core/cancel.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "molecules/surrogate_file.h"
#include "molecules/umbrella_task.h"
#include "runs/output_lock.h"
#include "simulate/umbrella.h"
#include "system/correction_fit.h"
#include "system/parallel_energy.h"

namespace equibolt {
namespace {

/// Differences of energies this far from their median, kT, lose their weight: what a bad surrogate has
/// broken.
constexpr double kOrdinary = 30;

/// Configurations (blocks · W, N, 3), block by block, of umbrella sampling under `energy`; `last` is where it
/// begins and then where it ended.
Configurations<double> sample_windows(const Energy& energy, UmbrellaOptions options, bool relaxed,
                                      Configurations<double>& last, ThreadPool& pool,
                                      const std::function<bool()>& stop, Reporter& reporter) {
  UmbrellaState state = umbrella_start(options, last.view());
  if (relaxed) {
    state.x = last;
    state.relaxed = options.relax_steps;
  }
  Configurations<double> met(options.blocks * options.windows, energy.particles(), 3);
  Umbrella umbrella(energy, options, pool, std::move(state));
  while (!umbrella.finished()) {
    const std::size_t before = umbrella.blocks_done();
    umbrella.advance();
    if (stop()) throw Stopped("stopped within a round; the same command goes on with it from its beginning");
    reporter.progress(static_cast<double>(umbrella.blocks_done()) / static_cast<double>(options.blocks));
    if (umbrella.blocks_done() == before) continue;  // it has relaxed
    const auto& x = umbrella.state().x;
    std::copy(x.values().begin(), x.values().end(), met[before * options.windows].begin());
  }
  last = umbrella.state().x;
  return met;
}

/// The target's energies and gradients less the cheap ones'; NaN where one of them is missing.
struct Differences {
  std::vector<double> energy;       // (n,): kT
  Configurations<double> gradient;  // (n, N, 3): kT/Å
};

Differences differences(ParallelEnergy& target, ParallelEnergy& cheap, ConfigurationsView<const double> x,
                        const std::function<bool()>& stop) {
  Differences found{std::vector<double>(x.count()),
                    Configurations<double>(x.count(), x.particles(), x.dim())};
  constexpr std::size_t some = 100;  // between looks at `stop`
  for (std::size_t first = 0; first < x.count(); first += some) {
    const std::size_t count = std::min(some, x.count() - first);
    const auto part = x.slice(first, count);
    const auto gradient = found.gradient.view().slice(first, count);
    std::vector<double> above(count), below(count);
    std::vector<EnergyStatus> above_status(count), below_status(count);
    Configurations<double> below_gradient(count, x.particles(), x.dim());
    target.evaluate(part, above, gradient, above_status);
    cheap.evaluate(part, below, below_gradient.view(), below_status);
    for (std::size_t b = 0; b < count; ++b) {
      const bool both = above_status[b] == EnergyStatus::ok && below_status[b] == EnergyStatus::ok;
      found.energy[first + b] = both ? above[b] - below[b] : std::numeric_limits<double>::quiet_NaN();
      for (std::size_t k = 0; k < x.coordinates(); ++k) gradient[b][k] -= below_gradient[b][k];
    }
    if (stop()) throw Stopped("stopped within a round; the same command goes on with it from its beginning");
  }
  return found;
}

/// Those of x that have one.
void add(Findings& findings, ConfigurationsView<const double> x, const Differences& asked) {
  for (std::size_t b = 0; b < x.count(); ++b) {
    if (std::isnan(asked.energy[b])) continue;
    const auto gradient = asked.gradient[b];
    findings.x.insert(findings.x.end(), x[b].begin(), x[b].end());
    findings.difference.push_back(asked.energy[b]);
    findings.gradient.insert(findings.gradient.end(), gradient.begin(), gradient.end());
  }
  if (findings.difference.size() < 2)
    throw NumericalError("surrogate: the target failed in all configurations");
  findings.rounds.back().configurations = findings.difference.size();
}

/// What was predicted, by a correction or (null) none, of x, block after block of W windows.
SurrogateRound judge(const Differences& asked, ConfigurationsView<const double> x,
                     const Correction* correction, std::size_t windows) {
  SurrogateRound round;
  std::vector<double> known, excess = asked.energy, accepted(windows, 0.0), pairs(windows, 0.0);
  for (std::size_t b = 0; b < excess.size(); ++b) {
    if (std::isnan(excess[b])) {
      ++round.failed;
      continue;
    }
    if (correction != nullptr) excess[b] -= correction->evaluate(x[b], {});
    known.push_back(excess[b]);
    if (b < windows || std::isnan(excess[b - windows])) continue;
    accepted[b % windows] += std::exp(std::min(0.0, excess[b - windows] - excess[b]));
    pairs[b % windows] += 1;
  }
  std::sort(known.begin(), known.end());
  if (!known.empty()) round.deviation = (quantile(known, 0.84) - quantile(known, 0.16)) / 2;
  round.least_acceptance = 1;
  for (std::size_t w = 0; w < windows; ++w) {
    const double mean = pairs[w] > 0 ? accepted[w] / pairs[w] : 0;
    round.acceptance += mean / static_cast<double>(windows);
    round.least_acceptance = std::min(round.least_acceptance, mean);
  }
  return round;
}

Correction fit(const Molecule& molecule, const Findings& findings, double ridge) {
  const std::size_t n = findings.difference.size(), coordinates = 3 * molecule.size();
  const ConfigurationsView<const double> x(findings.x.data(), n, molecule.size(), 3);
  const Correction terms(molecule, x);
  CorrectionFit least_squares(terms);
  std::vector<double> ascending = findings.difference;
  std::sort(ascending.begin(), ascending.end());
  const double middle = quantile(ascending, 0.5);
  for (std::size_t b = 0; b < n; ++b) {
    const double far = std::abs(findings.difference[b] - middle) / kOrdinary;
    least_squares.add(x[b], findings.difference[b] - middle,
                      std::span(findings.gradient).subspan(b * coordinates, coordinates),
                      1 / std::max(1.0, far * far));
  }
  Correction fitted = least_squares.solve(ridge);
  fitted.set_offset(fitted.offset() + middle);
  return fitted;
}

RunConfig config_of_cheap(const RunConfig& config, const Molecule& molecule) {
  RunConfig cheap = load_config(config.surrogate.energy);
  const MoleculeOptions* options = molecule_options_of(cheap.system);
  if (options == nullptr || load_molecule(options->structure).elements() != molecule.elements() ||
      options->temperature != molecule_options_of(config.system)->temperature) {
    throw UsageError(
        "surrogate.energy: expected a config of the same molecule at the same temperature, found {}",
        config.surrogate.energy);
  }
  return cheap;
}

/// A request whose parts have been checked, and what its output holds so far.
struct Prepared {
  UmbrellaTask task;
  RunConfig cheap_config;
  std::unique_ptr<Energy> cheap, target;
};

Prepared prepare(const RunConfig& config, const std::filesystem::path& output) {
  require_place_for(output);
  Prepared prepared{umbrella_task(config), {}, nullptr, make_energy(config.system)};
  UmbrellaOptions& options = prepared.task.options;
  options.hmc = config.surrogate.trajectory;
  options.blocks = (config.surrogate.samples + options.windows - 1) / options.windows;
  prepared.cheap_config = config_of_cheap(config, prepared.task.molecule);
  prepared.cheap = make_energy(prepared.cheap_config.system);
  return prepared;
}

/// What the output holds so far, of the same request; where there is no output, where the first round begins.
Findings findings_so_far(const RunConfig& config, const Prepared& prepared,
                         const std::filesystem::path& frames, const std::filesystem::path& output) {
  if (!std::filesystem::exists(output)) {
    Findings findings;
    findings.last = prepared.task.begin(frames);
    return findings;
  }
  return read_findings(output, config, prepared.cheap_config);
}

OutputPlan plan_of(const RunConfig& config, const std::filesystem::path& output, const Findings& findings) {
  const std::size_t done = findings.rounds.size(), wanted = config.surrogate.rounds;
  return {output, "rounds", done, wanted, std::filesystem::exists(output), done >= wanted, {}};
}

}  // namespace

OutputPlan plan_surrogate(const RunConfig& config, const std::filesystem::path& frames,
                          const std::filesystem::path& output) {
  const Prepared prepared = prepare(config, output);
  return plan_of(config, output, findings_so_far(config, prepared, frames, output));
}

std::vector<SurrogateRound> make_surrogate(const RunConfig& config, const std::filesystem::path& frames,
                                           const std::filesystem::path& output,
                                           const std::function<bool()>& stop, Reporter& reporter) {
  const Prepared prepared = prepare(config, output);
  Findings findings = findings_so_far(config, prepared, frames, output);
  if (const OutputPlan plan = plan_of(config, output, findings); plan.nothing_to_do) {
    reporter.say("{}", text_of(plan));
    return findings.rounds;
  }
  const OutputLock lock = OutputLock::of_file(output);
  remove_partial_files_of(output);
  // Another process may have worked on it since the look.
  findings = findings_so_far(config, prepared, frames, output);
  if (!findings.rounds.empty()) reporter.say("{}", text_of(plan_of(config, output, findings)));
  ThreadPool pool(config.threads);
  ParallelEnergy cheap(*prepared.cheap, pool), target(*prepared.target, pool);
  const std::size_t windows = prepared.task.options.windows;
  const std::function<bool()> stops_within_round = [&] {
    if (checkpoint_requested()) {
      reporter.say("{} rounds are saved; the round under way has no state of its own",
                   findings.rounds.size());
    }
    return stop();
  };
  while (findings.rounds.size() < config.surrogate.rounds) {
    const std::size_t number = findings.rounds.size() + 1;
    const bool first = findings.rounds.empty();
    reporter.start_progress(fmt::format("round {}", number));
    UmbrellaOptions options = prepared.task.options;
    options.seed = config.seed + 7919 * number;  // other numbers than those of umbrella sampling
    const auto correction = std::make_shared<const Correction>(findings.correction);
    const std::unique_ptr<Energy> surrogate =
        first ? prepared.cheap->clone() : std::make_unique<Corrected>(prepared.cheap->clone(), correction);
    const Configurations<double> met =
        sample_windows(*surrogate, options, !first, findings.last, pool, stops_within_round, reporter);

    const Differences asked = differences(target, cheap, met.view(), stops_within_round);
    findings.rounds.push_back(judge(asked, met.view(), first ? nullptr : correction.get(), windows));
    add(findings, met.view(), asked);
    findings.correction = fit(prepared.task.molecule, findings, config.surrogate.ridge);
    write_findings(output, findings, config, prepared.cheap_config);
    const SurrogateRound& round = findings.rounds.back();
    reporter.say(
        "round {}: target − surrogate deviates by {:.2f} kT, {:.0f} % accepted, {:.0f} % in the worst "
        "window; {} of {} failed; now fitted to {} configurations",
        number, round.deviation, 100 * round.acceptance, 100 * round.least_acceptance, round.failed,
        met.count(), round.configurations);
  }
  reporter.end_progress();
  return findings.rounds;
}

}  // namespace equibolt
