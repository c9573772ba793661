#include "molecules/surrogate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "analyze/estimate.h"
#include "config/config_table.h"
#include "core/stopwatch.h"
#include "equibolt/error.h"
#include "io/configurations_file.h"
#include "io/npz.h"
#include "molecules/about_system.h"
#include "molecules/umbrella.h"
#include "simulate/umbrella.h"
#include "system/correction_fit.h"
#include "system/energy_files.h"
#include "system/parallel_energy.h"

namespace equibolt {
namespace {

/// Differences of energies this far from their median, kT, lose their weight: what a bad surrogate has
/// broken.
constexpr double kOrdinary = 30;
/// 2: with the hashes of the files that the energies are made of.
constexpr std::int64_t kFormatVersion = 2;

/// What rounds leave behind.
struct Findings {
  std::vector<double> x, difference, gradient;  // (n, N, 3), (n,), (n, N, 3): target − cheap energy
  Configurations<double> last;                  // (W, N, 3)
  std::vector<SurrogateRound> rounds;
  Correction correction;
};

/// All that a round depends on.
std::string about_text(const RunConfig& config) {
  nlohmann::ordered_json about{{"seed", config.seed}};
  about.update(about_system(config));
  RunConfig copy = config;
  copy.surrogate.rounds = 1;
  for (const ConfigKey& key : config_table(copy)) {
    const bool counts = key.name == "umbrella.windows" || key.name == "umbrella.stiffness" ||
                        key.name == "umbrella.record_every" || key.name == "umbrella.exchange";
    if (counts || key.name.starts_with("surrogate.")) about[key.name] = key.text();
  }
  return about.dump();
}

Npz read_version(const std::filesystem::path& path) {
  Npz npz = read_npz(path);
  if (npz["format_version"].as_int64() != std::vector{kFormatVersion}) {
    throw DataError("{}: expected format version {} of a surrogate", path.string(), kFormatVersion);
  }
  return npz;
}

Npz to_npz(const Findings& findings, const RunConfig& config, const RunConfig& cheap) {
  const std::size_t n = findings.difference.size(), particles = findings.last.particles();
  Npz npz = findings.correction.to_npz();
  npz.arrays["format_version"] = Array::scalar(kFormatVersion);
  npz.arrays["x"] = Array::of(std::span<const double>(findings.x), {n, particles, 3});
  npz.arrays["difference"] = Array::of(findings.difference);
  npz.arrays["gradient"] = Array::of(std::span<const double>(findings.gradient), {n, particles, 3});
  npz.arrays["last"] = Array::of(ConfigurationsView<const double>(findings.last.view()));
  std::vector<double> rounds;
  for (const SurrogateRound& r : findings.rounds) {
    rounds.push_back(static_cast<double>(r.configurations));
    rounds.push_back(static_cast<double>(r.failed));
    rounds.push_back(r.deviation);
    rounds.push_back(r.acceptance);
    rounds.push_back(r.least_acceptance);
  }
  npz.arrays["rounds"] = Array::of(std::span<const double>(rounds), {findings.rounds.size(), 5});
  npz.arrays["about"] = Array::text(about_text(config));
  npz.arrays["target"] = Array::text(about_system(config).dump());
  npz.arrays["energy"] = Array::text(config_text(cheap, false));
  npz.arrays["energy_files"] = Array::text(text_of(files_of(cheap.system)));
  return npz;
}

Findings findings_from(const Npz& npz, std::size_t particles) {
  for (const char* name : {"x", "difference", "gradient", "rounds"}) {
    if (const auto at = npz[name].first_not_finite()) {
      throw DataError("{}: array '{}': expected finite numbers, number {} is not", npz.origin, name, *at);
    }
  }
  Findings findings;
  findings.correction = Correction::from(npz);
  findings.x = npz["x"].as_double();
  findings.difference = npz["difference"].as_double();
  findings.gradient = npz["gradient"].as_double();
  findings.last = configurations_of(npz["last"], particles, 3);
  const auto rounds = npz["rounds"].as_double();
  const bool sound = findings.x.size() == 3 * particles * findings.difference.size() &&
                     findings.gradient.size() == findings.x.size() && rounds.size() % 5 == 0;
  if (!sound) throw DataError("{}: its arrays do not fit together", npz.origin);
  for (std::size_t r = 0; r < rounds.size(); r += 5) {
    findings.rounds.push_back({static_cast<std::size_t>(rounds[r]), static_cast<std::size_t>(rounds[r + 1]),
                               rounds[r + 2], rounds[r + 3], rounds[r + 4]});
  }
  return findings;
}

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

}  // namespace

std::vector<SurrogateRound> make_surrogate(const RunConfig& config, const std::filesystem::path& frames,
                                           const std::filesystem::path& output,
                                           const std::function<bool()>& stop, Reporter& reporter) {
  UmbrellaTask task = umbrella_task(config);
  const std::size_t windows = task.options.windows;
  task.options.hmc = config.surrogate.trajectory;
  task.options.blocks = (config.surrogate.samples + windows - 1) / windows;
  const RunConfig cheap_config = config_of_cheap(config, task.molecule);
  const std::unique_ptr<Energy> cheap_energy = make_energy(cheap_config.system);
  ThreadPool pool(config.threads);
  ParallelEnergy cheap(*cheap_energy, pool), target(*make_energy(config.system), pool);

  Findings findings;
  if (std::filesystem::exists(output)) {
    const Npz npz = read_version(output);
    if (npz["about"].as_text() != about_text(config)) {
      throw UsageError("{}: is of another request:\n  {} there,\n  {} now\nGive another output",
                       output.string(), npz["about"].as_text(), about_text(config));
    }
    findings = findings_from(npz, task.molecule.size());
    reporter.say("{}: {} rounds done already", output.string(), findings.rounds.size());
  } else {
    findings.last = task.begin(frames);
  }
  while (findings.rounds.size() < config.surrogate.rounds) {
    const std::size_t number = findings.rounds.size() + 1;
    const bool first = findings.rounds.empty();
    reporter.start_progress(fmt::format("round {}", number));
    UmbrellaOptions options = task.options;
    options.seed = config.seed + 7919 * number;  // other numbers than those of umbrella sampling
    const auto correction = std::make_shared<const Correction>(findings.correction);
    const std::unique_ptr<Energy> surrogate =
        first ? cheap_energy->clone() : std::make_unique<Corrected>(cheap_energy->clone(), correction);
    const Configurations<double> met =
        sample_windows(*surrogate, options, !first, findings.last, pool, stop, reporter);

    const Differences asked = differences(target, cheap, met.view(), stop);
    findings.rounds.push_back(judge(asked, met.view(), first ? nullptr : correction.get(), windows));
    add(findings, met.view(), asked);
    findings.correction = fit(task.molecule, findings, config.surrogate.ridge);
    write_npz(output, to_npz(findings, config, cheap_config));
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

Surrogate read_surrogate(const RunConfig& config, const std::filesystem::path& path) {
  const Npz npz = read_version(path);
  const std::string target = about_system(config).dump();
  if (npz["target"].as_text() != target) {
    throw UsageError("{}: is a surrogate of another energy:\n  {} there,\n  {} now", path.string(),
                     npz["target"].as_text(), target);
  }
  const RunConfig cheap = parse_config(npz["energy"].as_text(), path.string() + ": array 'energy'");
  const std::string files = text_of(files_of(cheap.system));
  if (npz["energy_files"].as_text() != files) {
    throw UsageError(
        "{}: the files of its cheap energy have changed since it was made:\n{}there,\n{}now. Restore them, "
        "or make "
        "the surrogate again",
        path.string(), npz["energy_files"].as_text(), files);
  }
  auto correction = std::make_shared<const Correction>(Correction::from(npz));
  const std::size_t particles = correction->particles();
  return {std::make_unique<Corrected>(make_energy(cheap.system), std::move(correction)),
          configurations_of(npz["last"], particles, 3)};
}

}  // namespace equibolt
