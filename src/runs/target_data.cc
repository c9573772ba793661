#include "runs/target_data.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "analyze/autocorrelation.h"
#include "analyze/weights.h"
#include "core/geometry.h"
#include "core/number_text.h"
#include "core/saver.h"
#include "equibolt/error.h"
#include "io/configurations_file.h"
#include "io/generations.h"
#include "io/npz.h"
#include "runs/biased_data.h"
#include "runs/data_checks.h"
#include "runs/dihedral_statistics.h"
#include "runs/simulated_system.h"
#include "simulate/simulate.h"
#include "simulate/simulation_file.h"
#include "system/restrained.h"

namespace equibolt {
namespace {

Configurations<float> read_file_of(const std::string& path, const SystemSpec& system,
                                   const std::function<void(const std::string&)>& warn = {}) {
  if (path.empty()) return {};
  Configurations<double> x = read_configurations(path, system.particles, system.dim, warn);
  remove_mean(x.view());
  return converted<float>(x.view());
}

/// Throws UsageError where data for the validation of a training have another bias than the training data:
/// they would be taken for samples of another energy than they are of.
void require_bias_of_training(const RunConfig& config) {
  if (config.data.validation.empty()) return;
  const std::string here = bias_of_data(config.data.validation).is, trained = bias_of_training(config);
  if (here == trained) return;
  const auto said = [](const std::string& bias) {
    return bias.empty() ? "no bias" : "the bias \"" + bias + "\"";
  };
  throw UsageError("data.validation: {} has {}, and the training data have {}: give data of one simulation",
                   config.data.validation, said(here), said(trained));
}

/// Which chains a set of samples is from: the last eighth for test, the sixteenth before it for validation,
/// at least one each.
struct ChainRange {
  std::size_t first, last;
  bool contains(std::size_t chain) const { return chain >= first && chain < last; }
};
std::array<ChainRange, 3> split_chains(std::size_t chains) {
  const std::size_t test = chains - std::max<std::size_t>(1, chains / 8);
  const std::size_t validation = test - std::max<std::size_t>(1, chains / 16);
  return {{{0, validation}, {validation, test}, {test, chains}}};
}

Configurations<float> chosen_of(const Configurations<float>& all, std::span<const std::size_t> chosen) {
  Configurations<float> x(chosen.size(), all.particles(), all.dim());
  for (std::size_t k = 0; k < chosen.size(); ++k) std::ranges::copy(all[chosen[k]], x[k].begin());
  return x;
}

/// `bias` (samples,) are the energies of a bias that `is` describes; empty where there is none.
void write_split(const std::filesystem::path& path, const SimulationResult& result, const ChainRange& range,
                 const std::vector<double>& bias, const std::string& is) {
  std::vector<double> energy, chosen_bias;
  std::vector<std::int64_t> chain;
  std::vector<std::size_t> chosen;
  for (std::size_t b = 0; b < result.samples.count(); ++b) {
    if (range.contains(result.chain[b])) chosen.push_back(b);
  }
  // Each chain's samples one after the other, in time, as estimates of autocorrelation want them.
  std::stable_sort(chosen.begin(), chosen.end(),
                   [&](std::size_t a, std::size_t b) { return result.chain[a] < result.chain[b]; });
  for (const std::size_t b : chosen) {
    energy.push_back(result.energy[b]);
    chain.push_back(static_cast<std::int64_t>(result.chain[b]));
    if (!bias.empty()) chosen_bias.push_back(bias[b]);
  }
  Npz npz;
  npz.arrays["x"] = Array::of(chosen_of(result.samples, chosen).view());
  npz.arrays["energy"] = Array::of(energy);
  npz.arrays["chain"] = Array::of(chain);
  if (result.gradient.count() > 0)
    npz.arrays["gradient"] = Array::of(chosen_of(result.gradient, chosen).view());
  if (!bias.empty()) {
    npz.arrays["bias"] = Array::of(chosen_bias);
    npz.arrays["bias_is"] = Array::text(is);
  }
  npz.arrays["format_version"] = Array::scalar(std::int64_t{1});
  write_npz(path, npz);
}

nlohmann::ordered_json estimate_json(const ChainEstimate& e) {
  return {{"value", e.estimate.value},
          {"error", e.estimate.error},
          {"autocorrelation_time", e.autocorrelation_time},
          {"effective_samples", e.effective_samples},
          {"r_hat", e.r_hat}};
}

/// NaN becomes null.
nlohmann::ordered_json simulation_json(const SimulationResult& result, const SimulateOptions& options) {
  const SimulationDiagnostics& d = result.diagnostics;
  nlohmann::ordered_json json{{"format_version", 1},
                              {"mover", options.mover == MoverKind::hmc ? "hmc" : "langevin"},
                              {"samples", result.samples.count()},
                              {"iterations", d.iterations},
                              {"thinning", d.thinning}};
  if (result.log_z) {
    json["log_z"] = estimate_json(*result.log_z);
  } else if (has_prior(options)) {
    json["log_z"] = nullptr;
  }
  json["energy_mean"] = estimate_json(result.mean_energy);
  for (std::size_t o = 0; o < observables.size(); ++o) {
    json["samples_of"][std::string(observables[o])] = estimate_json(d.sampled[o]);
    json["every_iteration_of"][std::string(observables[o])] = estimate_json(d.pilot[o]);
  }
  json["ladder"] = {{"lambda", d.lambda},
                    {"step_size", d.step_size},
                    {"acceptance", d.acceptance},
                    {"exchange_acceptance", d.exchange_acceptance},
                    {"overlap", d.overlap},
                    {"barrier", d.barrier},
                    {"renewals_per_iteration_and_chain", nullptr}};
  if (d.renewal_rate) json["ladder"]["renewals_per_iteration_and_chain"] = *d.renewal_rate;
  if (result.target) {
    const TargetDiagnostics& target = *result.target;
    json["surrogate"] = {{"acceptance", target.acceptance},
                         {"evaluations", target.asked},
                         {"failed", target.failed},
                         {"overlap", target.log_z.overlap.front()},
                         {"log_z_ratio", nullptr}};  // ln(Z/Z of the surrogate)
    if (target.log_z.log_z) json["surrogate"]["log_z_ratio"] = estimate_json(*target.log_z.log_z);
  }
  return json;
}

/// Takes a term that the simulation had besides U off the samples' energies and gradients; returns the term
/// of each, (samples,).
std::vector<double> take_off(const AddedTerm& added, SimulationResult& result) {
  const Configurations<double> x = converted<double>(result.samples.view());
  std::vector<double> terms, gradient(x.coordinates());
  for (std::size_t b = 0; b < x.count(); ++b) {
    std::ranges::fill(gradient, 0.0);
    terms.push_back(added.term(x[b], gradient));
    result.energy[b] -= terms.back();
    if (result.gradient.count() == 0 || terms.back() == 0) continue;
    for (std::size_t k = 0; k < gradient.size(); ++k)
      result.gradient[b][k] -= static_cast<float>(gradient[k]);
  }
  return terms;
}

/// What the restraints that kept peptide bonds as they are did.
nlohmann::ordered_json guards_json(std::size_t guards, const std::vector<double>& terms) {
  return {{"peptide_bonds", guards},
          {"energy_mean", average(terms)},
          {"samples_beyond", std::ranges::count_if(terms, [](double value) { return value > 0; })}};
}

/// ⟨U⟩ over biased samples with their weights, of chains whose records follow one another.
ChainEstimate unbiased_mean_energy(const SimulationResult& result, const std::vector<double>& weights,
                                   std::size_t chains) {
  const std::size_t used = weights.size() / chains * chains;  // whole records
  return weighted_estimate_of(series_of(std::span(result.energy).first(used), chains, 1, 0),
                              series_of(std::span(weights).first(used), chains, 1, 0));
}

/// Says what casts doubt on a simulation.
void warn_of(const SimulationResult& result, const SimulateOptions& options, Reporter& reporter) {
  for (std::size_t k = 0; k < result.diagnostics.overlap.size(); ++k) {
    if (!(result.diagnostics.overlap[k] >= 0.03)) {
      reporter.warn(
          fmt::format("rungs {} and {} of the ladder hardly overlap ({:.3f}), so log Z is not to be "
                      "trusted: raise simulate.rungs",
                      k, k + 1, result.diagnostics.overlap[k]));
    }
  }
  if (has_prior(options) && !result.log_z) {
    reporter.warn(
        "log Z cannot be computed, since rungs do not overlap at all; the samples are not affected");
  }
  constexpr double low = 0.2;  // of blocks of dynamics, whose time step nothing adapts
  for (std::size_t k = 0; options.mover == MoverKind::langevin && k < options.rungs; ++k) {
    if (result.diagnostics.acceptance[k] >= low) continue;
    reporter.warn(
        fmt::format("rung {} accepts only {:.1f} % of its blocks of dynamics: lower simulate.timestep_fs or "
                    "simulate.leapfrog_steps",
                    k, 100 * result.diagnostics.acceptance[k]));
  }
  if (result.target && result.target->acceptance < low) {
    reporter.warn(
        fmt::format("only {:.1f} % of what the surrogate proposes is accepted: make a better one, with more "
                    "surrogate.rounds, for fewer repeated samples",
                    100 * result.target->acceptance));
  }
  const auto not_finite = std::count_if(result.energy.begin(), result.energy.end(),
                                        [](double energy) { return !std::isfinite(energy); });
  if (not_finite > 0) {
    reporter.warn(fmt::format("{} of {} samples have no finite energy, so their mean is unknown", not_finite,
                              result.energy.size()));
  } else if (!(result.mean_energy.r_hat <= 1.05)) {
    reporter.warn(fmt::format("the chains do not agree yet: R-hat of the energy is {:.3f}; simulate longer",
                              result.mean_energy.r_hat));
  }
}

Generations states_in(const RunFolder& folder) {
  return {folder.simulation_states(), "iteration"};
}

/// Starts the simulation, or goes on from the state in the folder.
Simulation open_simulation(const SimulateOptions& options, const SimulatedEnergies& energies,
                           ThreadPool& pool, const RunFolder& folder, Reporter& reporter) {
  SimulationState state;
  const bool found =
      states_in(folder).read_newest([&](const Npz& npz) { state = simulation_state_from(npz); },
                                    [&](const std::string& text) { reporter.warn(text); });
  if (!found) return {*energies.ladder, options, pool, energies.target.get()};
  Simulation simulation(*energies.ladder, options, pool, std::move(state), energies.target.get());
  reporter.say("the simulation goes on from iteration {}", simulation.state().iteration);
  return simulation;
}

void simulate_into(const RunConfig& config, const RunFolder& folder, const std::function<bool()>& stop,
                   Reporter& reporter) {
  const SimulateOptions options = simulate_options_of(config);
  const SimulatedEnergies energies = simulated_energies(config);
  ThreadPool pool(config.threads);
  Simulation simulation = open_simulation(options, energies, pool, folder, reporter);
  create_folder(folder.simulation_states());
  reporter.start_progress("simulating");
  Saver saver(stop, config.checkpoint_seconds,
              [&] { states_in(folder).write(simulation.state().iteration, to_npz(simulation.state())); });
  while (!simulation.finished()) {
    simulation.advance();
    reporter.progress(simulation.progress());
    // The end is saved too, before anything is made of it.
    if (saver.save_if_due(simulation.finished()) && !simulation.finished()) {
      throw Stopped("stopped at iteration {} of the simulation; the same command goes on from there",
                    simulation.state().iteration);
    }
  }
  reporter.end_progress();

  SimulationResult result = result_of(simulation);
  std::vector<double> guards, bias, weights;  // of each sample; empty where there is none
  if (energies.guards != nullptr) guards = take_off(*energies.guards, result);
  if (energies.bias != nullptr) {
    bias = take_off(*energies.bias, result);
    for (const double value : bias) weights.push_back(std::exp(value));
    // Where some energy is not finite the mean is unknown, and stays so.
    if (std::isfinite(result.mean_energy.estimate.value))
      result.mean_energy = unbiased_mean_energy(result, weights, options.chains);
  }
  auto json = simulation_json(result, options);
  if (energies.guards != nullptr) json["guards"] = guards_json(energies.guards->restraints().size(), guards);
  if (energies.bias != nullptr)
    json["bias"] = {{"is", config.dynamics.bias}, {"effective_share", kish_fraction(bias)}};
  create_folder(folder.train_data().parent_path());
  const auto ranges = split_chains(options.chains);
  for (const auto& [file, range] :
       {std::pair{folder.train_data(), ranges[0]}, std::pair{folder.validation_data(), ranges[1]},
        std::pair{folder.test_data(), ranges[2]}})
    write_split(file, result, range, bias, config.dynamics.bias);
  if (const MoleculeOptions* molecule = molecule_options_of(config.system))
    json["dihedrals"] = dihedral_statistics(*molecule, result.samples, options.chains, weights);
  write_json(folder.simulation(), json);  // last: it marks the data as complete
  remove_left_over(folder.simulation_states());
  const auto shown = [](const ChainEstimate& e) { return with_error(e.estimate.value, e.estimate.error); };
  if (result.target) {
    reporter.say(
        "surrogate: {:.1f} % of what it proposed was accepted; {} evaluations of the system's energy, "
        "{} of them failed",
        100 * result.target->acceptance, result.target->asked, result.target->failed);
  }
  const std::uint64_t thinning = result.diagnostics.thinning;
  reporter.say("simulated: {} samples, {}; mean energy {}, R-hat {:.4f}", result.samples.count(),
               thinning == 1 ? "one per iteration" : fmt::format("one in {} iterations", thinning),
               shown(result.mean_energy), result.mean_energy.r_hat);
  warn_of(result, options, reporter);
  if (result.log_z) {
    const auto [value, error] = result.log_z->estimate;
    reporter.say("           ln(Z/Z_prior) = {}", std::isfinite(error)
                                                      ? with_error(value, error)
                                                      : fmt::format("{:.4f}, without an error bar", value));
  }
}

/// Of how many configurations the energies are computed before a training: semi-empirical ones take their
/// time.
std::size_t described(const RunConfig& config, std::size_t count) {
  constexpr std::size_t most = 2000;
  return std::holds_alternative<XtbParameters>(config.system.kind) ? std::min(count, most) : count;
}

/// Says what there is to train on, and counts configurations that the energy does not allow.
void describe(const TargetData& data, const RunConfig& config, Reporter& reporter) {
  const auto x = converted<double>(data.train.view().slice(0, described(config, data.train.count())));
  std::vector<double> energy(x.count());
  std::vector<EnergyStatus> status(x.count());
  ThreadPool pool(config.threads);
  ParallelEnergy parallel(*trained_energy(config), pool);
  parallel.evaluate(x, energy, {}, status);
  const std::string file = config.data.train.empty() ? "the simulation" : config.data.train;
  std::vector<double> finite;
  for (std::size_t b = 0; b < x.count(); ++b) {
    if (status[b] == EnergyStatus::ok) finite.push_back(energy[b]);
  }
  if (finite.empty()) {
    throw DataError("{}: none of the {} configurations to train on has a finite energy in this system", file,
                    x.count());
  }
  if (finite.size() < x.count()) {
    const auto first =
        std::find_if(status.begin(), status.end(), [](EnergyStatus s) { return s != EnergyStatus::ok; });
    reporter.warn(
        fmt::format("{}: {} of {} configurations to train on have no finite energy in this system; "
                    "configuration {} is the first",
                    file, x.count() - finite.size(), x.count(), first - status.begin()));
  }
  for (const std::string& text : data_warnings(config, parallel, x.view(), energy))
    reporter.warn(fmt::format("{}: {}", file, text));
  const auto [low, high] = std::minmax_element(finite.begin(), finite.end());
  const double effective = static_cast<double>(finite.size()) * static_cast<double>(data.train.count()) /
                           static_cast<double>(x.count()) /
                           (finite.size() < 4 ? 1.0 : std::max(1.0, autocorrelation_time(finite)));
  reporter.say(
      "data: {} configurations to train on, about {:.0f} of them independent by their energies in the file's "
      "order; {} for validation, {} for test; {} particles in {} dimensions; energies from {} kT",
      data.train.count(), effective, data.validation.count(), data.test.count(), x.particles(), x.dim(),
      range_text(*low, *high));
}

/// What `json` holds under a name, or nothing where it is missing or null; a null error is infinite.
std::optional<Estimate> estimate_in(const nlohmann::ordered_json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_object()) return std::nullopt;
  const auto value = found->find("value"), error = found->find("error");
  const auto number = [&](const auto& it) { return it != found->end() && it->is_number(); };
  if (!number(value)) return std::nullopt;
  return Estimate{value->get<double>(),
                  number(error) ? error->get<double>() : std::numeric_limits<double>::infinity()};
}

/// From the config's files or, simulated first where need be, the run's folder.
TargetData read_or_simulate(const RunConfig& config, const RunFolder& folder, const StageClock& clock,
                            const std::function<bool()>& stop, Reporter& reporter) {
  TargetData data;
  if (!config.data.train.empty()) {
    std::set<std::string> said;  // the files may be one
    const auto warn = [&](const std::string& text) {
      if (said.insert(text).second) reporter.warn(text);
    };
    data.train = read_file_of(config.data.train, config.system, warn);
    data.validation = read_file_of(config.data.validation, config.system, warn);
    data.test = unbiased(config.data.test, read_file_of(config.data.test, config.system, warn));
    require_bias_of_training(config);
    if (config.data.test == config.data.train || config.data.validation == config.data.train) {
      warn(fmt::format("{} is also the file for {}: an evaluation on data of the training flatters it",
                       config.data.train, config.data.test == config.data.train ? "test" : "validation"));
    }
    return data;
  }
  if (!std::filesystem::exists(folder.simulation()))
    clock.time(Stage::simulation, [&] { simulate_into(config, folder, stop, reporter); });
  data.train = read_file_of(folder.train_data(), config.system);
  data.validation = read_file_of(folder.validation_data(), config.system);
  const std::string test = config.data.test.empty() ? folder.test_data().string() : config.data.test;
  data.test = unbiased(test, read_file_of(test, config.system));
  if (!config.data.validation.empty()) {
    data.validation = read_file_of(config.data.validation, config.system);
    require_bias_of_training(config);
  }
  const auto simulation = read_json(folder.simulation());
  data.log_z = estimate_in(simulation, "log_z");
  if (config.simulate.mover == MoverKind::langevin && !simulation.contains("mover")) {
    reporter.warn(
        fmt::format("{}: these samples were made by an earlier version, whose Langevin dynamics sampled too "
                    "hot (docs/molecules.md); another output folder makes new ones",
                    folder.simulation().string()));
  }
  return data;
}

}  // namespace

TargetData obtain_data(const RunConfig& config, const RunFolder& folder, const StageClock& clock,
                       const std::function<bool()>& stop, Reporter& reporter) {
  TargetData data = read_or_simulate(config, folder, clock, stop, reporter);
  describe(data, config, reporter);
  return data;
}

}  // namespace equibolt
