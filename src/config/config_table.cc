#include "config/config_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <sstream>

#include "system/builtin_files.h"

namespace equibolt {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename E>
using Choices = std::vector<std::pair<std::string, E>>;

const Choices<Method> kMethods{{"euler", Method::euler},
                               {"midpoint", Method::midpoint},
                               {"rk3", Method::rk3},
                               {"rk4", Method::rk4},
                               {"dopri5", Method::dopri5}};
const Choices<Schedule> kSchedules{{"constant", Schedule::constant},
                                   {"step", Schedule::step},
                                   {"linear", Schedule::linear},
                                   {"cosine", Schedule::cosine}};
const Choices<Optimizer> kOptimizers{{"adam", Optimizer::adam}, {"muon", Optimizer::muon}};
const Choices<Device> kDevices{{"cpu", Device::cpu}, {"cuda", Device::cuda}, {"auto", Device::automatic}};
const Choices<PrecisionChoice> kPrecisions{
    {"fp32", PrecisionChoice::fp32}, {"bf16", PrecisionChoice::bf16}, {"auto", PrecisionChoice::automatic}};
const Choices<CouplingKind> kCouplings{{"independent", CouplingKind::independent},
                                       {"ot", CouplingKind::ot},
                                       {"equivariant_ot", CouplingKind::equivariant_ot},
                                       {"aligned", CouplingKind::aligned}};
const Choices<MoverKind> kMovers{{"hmc", MoverKind::hmc}, {"langevin", MoverKind::langevin}};
const Choices<XtbMethod> kXtbMethods{
    {"gfn2", XtbMethod::gfn2}, {"gfn1", XtbMethod::gfn1}, {"gfnff", XtbMethod::gfnff}};
const Choices<Path> kPaths{{"prior", Path::prior}, {"temperature", Path::temperature}};

std::optional<double> number_in(const toml::node& node) {
  if (const auto integer = node.value_exact<std::int64_t>()) return static_cast<double>(*integer);
  return node.value_exact<double>();
}

/// TOML text of a number that reads back as the same number, and as a float.
std::string number_text(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

/// TOML text of a string, on one line whatever it holds.
std::string toml_string(const std::string& text) {
  const toml::table holder{{"value", text}};
  constexpr auto flags =
      toml::toml_formatter::default_flags &
      ~(toml::format_flags::allow_multi_line_strings | toml::format_flags::allow_literal_strings);
  std::ostringstream out;
  out << toml::toml_formatter{*holder.get("value"), flags};
  return out.str();
}

/// For keys that name a file and nothing built in.
bool any_path(const std::string&) {
  return true;
}

/// Collects keys section by section.
class Table {
 public:
  void section(const std::string& name) { prefix_ = name.empty() ? "" : name + "."; }

  void number(const char* name, double& value, double low, double high, const char* help) {
    std::string expected = "a number";
    if (low > -kInfinity) expected += fmt::format(" ≥ {}", low);
    if (high < kInfinity) expected += fmt::format("{} ≤ {}", low > -kInfinity ? " and" : "", high);
    add(
        name, help, expected,
        [&value, low, high](const toml::node& node) {
          const auto found = number_in(node);
          if (!found || !std::isfinite(*found) || !(*found >= low && *found <= high)) return false;
          value = *found;
          return true;
        },
        [&value] { return number_text(value); });
  }

  void positive(const char* name, double& value, const char* help) {
    add(
        name, help, "a number > 0",
        [&value](const toml::node& node) {
          const auto found = number_in(node);
          if (!found || !(*found > 0 && *found < kInfinity)) return false;
          value = *found;
          return true;
        },
        [&value] { return number_text(value); });
  }

  /// Integers; 1e5 is one too.
  template <typename Integer>
  void count(const char* name, Integer& value, Integer low, const char* help, double high = 0x1p62) {
    add(
        name, help,
        high < 0x1p62 ? fmt::format("an integer ≥ {} and ≤ {}", low, high)
                      : fmt::format("an integer ≥ {}", low),
        [&value, low, high](const toml::node& node) {
          const auto found = number_in(node);
          if (!found || *found != std::floor(*found) || *found < static_cast<double>(low) || *found > high) {
            return false;
          }
          const auto exact = node.value_exact<std::int64_t>();
          value = exact ? static_cast<Integer>(*exact) : static_cast<Integer>(*found);
          return true;
        },
        [&value] { return fmt::format("{}", value); });
  }

  void integer(const char* name, int& value, int low, int high, const char* help) {
    add(
        name, help, fmt::format("an integer ≥ {} and ≤ {}", low, high),
        [&value, low, high](const toml::node& node) {
          const auto found = node.value_exact<std::int64_t>();
          if (!found || *found < low || *found > high) return false;
          value = static_cast<int>(*found);
          return true;
        },
        [&value] { return fmt::format("{}", value); });
  }

  void flag(const char* name, bool& value, const char* help) {
    add(
        name, help, "true or false",
        [&value](const toml::node& node) {
          const auto found = node.value_exact<bool>();
          if (found) value = *found;
          return found.has_value();
        },
        [&value] { return std::string(value ? "true" : "false"); });
  }

  void text(const char* name, std::string& value, const char* expected, const char* help) {
    add(
        name, help, expected,
        [&value](const toml::node& node) {
          const auto found = node.value_exact<std::string>();
          if (found) value = *found;
          return found.has_value();
        },
        [&value] { return toml_string(value); });
  }

  /// The path of a file, unless `is_path` says that the text is the name of something built in.
  void path(const char* name, std::string& value, const char* expected, const char* help,
            std::function<bool(const std::string&)> is_path = any_path) {
    text(name, value, expected, help);
    keys_.back().is_path = std::move(is_path);
  }

  template <typename E>
  void choice(const char* name, E& value, const Choices<E>& choices, const char* help) {
    std::vector<std::string> names;
    for (const auto& [choice_name, unused] : choices) names.push_back('"' + choice_name + '"');
    add(
        name, help, fmt::format("one of {}", fmt::join(names, ", ")),
        [&value, &choices](const toml::node& node) {
          const auto found = node.value_exact<std::string>();
          if (!found) return false;
          for (const auto& [choice_name, choice_value] : choices) {
            if (choice_name == *found) {
              value = choice_value;
              return true;
            }
          }
          return false;
        },
        [&value, &choices] {
          for (const auto& [choice_name, choice_value] : choices) {
            if (choice_value == value) return toml_string(choice_name);
          }
          return std::string();
        });
  }

  /// A key whose value is decided elsewhere.
  void add(const char* name, const char* help, std::string expected,
           std::function<bool(const toml::node&)> set, std::function<std::string()> text) {
    keys_.push_back({prefix_ + name, help, std::move(expected), std::move(set), std::move(text), {}});
  }

  std::vector<ConfigKey> take() { return std::move(keys_); }

 private:
  std::string prefix_;
  std::vector<ConfigKey> keys_;
};

void add_parameters(Table& table, HarmonicParameters& p) {
  table.positive("stiffness", p.stiffness, "k of U = k/2 Σ|x_i − x̄|², kT per squared length");
}

void add_parameters(Table& table, DoubleWellParameters& p) {
  table.number("a", p.a, -kInfinity, kInfinity, "U = Σ_{i<j} a (d−d0) + b (d−d0)² + c (d−d0)⁴, in kT");
  table.number("b", p.b, -kInfinity, kInfinity, "");
  table.positive("c", p.c, "");
  table.number("d0", p.d0, 0, kInfinity, "");
}

void add_parameters(Table& table, LennardJonesParameters& p) {
  table.positive("epsilon", p.epsilon, "ε of a pair in kT; its well is pair_factor · ε deep");
  table.positive("rm", p.rm, "distance of two particles at the minimum of their energy");
  table.positive("pair_factor", p.pair_factor,
                 "how often ε counts per pair: 2 as in the paper's data; most other codes use 1");
  table.positive("trap", p.trap, "k of the harmonic trap k/2 Σ|x_i − x̄|², kT per squared length");
}

void add_optimizer(Table& table, TrainOptions& o) {
  table.choice(
      "optimizer", o.optimizer, kOptimizers,
      "muon: weight matrices move along the orthogonal matrix nearest to their momentum; learns faster for "
      "more arithmetic, which is little beside large batches");
  table.positive("learning_rate", o.rate.peak, "the optimizer's rate, at its peak");
  table.number("learning_rate_final", o.rate.final, 0, kInfinity, "and at the end");
  table.choice("schedule", o.rate.schedule, kSchedules, "how the rate goes from peak to end");
  table.number("warmup", o.rate.warmup, 0, 1, "fraction of the training in which the rate rises");
  table.number("weight_decay", o.adam.weight_decay, 0, kInfinity, "decoupled, as in AdamW");
  table.number("clip", o.clip, 0, kInfinity, "largest norm of the gradient; 0: no limit");
  table.number("ema", o.ema, 0, 0.9999999,
               "decay of the weight average that becomes the model; 0: last weights");
  table.count("log_every", o.log_every, std::size_t{1}, "steps between lines of metrics");
  table.count("checkpoint_every", o.checkpoint_every, std::size_t{0},
              "steps between checkpoints, besides those after checkpoint_seconds; 0: none");
}

void add_molecule(Table& table, MoleculeOptions& m) {
  table.path("structure", m.structure, "a path, or the name of a built-in structure",
             "a .pdb, .cif or .xyz file: which atoms there are, and where dynamics begin",
             [](const std::string& name) { return !builtin_structures().contains(name); });
  table.text(
      "types", m.types, "text, as in \"0 0 1\"",
      "which atoms are interchangeable: elements, symmetry (of the bond graph), backbone (elements, but each "
      "backbone atom its own), distinct, or a list of numbers");
  table.positive("temperature", m.temperature, "K, that of kT");
  table.text("dihedrals", m.dihedrals, "text",
             "dihedral angles to watch, by names of atoms or by indices, which count from 0: "
             "\"phi: 1:C 2:N 2:CA 2:C, psi: 6 8 14 16\"");
  table.text("state", m.state, "text",
             "the range of a dihedral that is the rarer state, in radians: \"phi 0 2\", or across ±π "
             "\"psi 2 4\", or a box of several, \"phi 0 2, psi -1 1\"; its free energy is reported");
}

void add_parameters(Table& table, OpenMmParameters& p) {
  add_molecule(table, p.molecule);
  table.path("system", p.system, "a path, or the name of a built-in system",
             "an OpenMM System as XML, without constraints",
             [](const std::string& name) { return !builtin_openmm_systems().contains(name); });
}

void add_parameters(Table& table, XtbParameters& p) {
  add_molecule(table, p.molecule);
  table.choice("method", p.method, kXtbMethods, "");
  table.text("solvent", p.solvent, "text", "implicit, by GBSA, as xtb calls it; empty: vacuum");
  table.integer("charge", p.charge, -100, 100, "in elementary charges");
  table.count("unpaired", p.unpaired, std::size_t{0}, "unpaired electrons", 100);
  table.positive("electronic_temperature", p.electronic_temperature,
                 "K; ten times that is tried where the self-consistent cycle fails");
  table.count("max_iterations", p.max_iterations, std::size_t{1}, "of the self-consistent cycle", 10000);
  table.path("parameters", p.parameters, "a path", "of other parameters than xtb's own; empty: none");
}

void add_parameters(Table& table, OwnEnergy& own) {
  table.text("check", own.check, "text",
             "energies of some fixed configurations, by which a program's own energy is known");
}

}  // namespace

bool is_surrogate_path(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".npz");
}

bool is_observation(std::string_view key) {
  return key == "system.dihedrals" || key == "system.state" || key == "system.observables";
}

const std::vector<std::pair<std::string, SystemSpec>>& system_kinds() {
  static const std::vector<std::pair<std::string, SystemSpec>> kinds{
      {"harmonic", {4, 2, HarmonicParameters{}}},
      {"double_well", {4, 2, DoubleWellParameters{}}},
      {"lennard_jones", {13, 3, LennardJonesParameters{}}},
      {"openmm", {22, 3, OpenMmParameters{}}},
      {"xtb", {22, 3, XtbParameters{}}},
      {"own", {4, 2, OwnEnergy{}}}};
  return kinds;
}

std::vector<ConfigKey> config_table(RunConfig& c) {
  Table table;
  table.count("seed", c.seed, std::uint64_t{0}, "every random number of the run follows from it");
  table.count("threads", c.threads, std::size_t{0},
              "0: as many as the machine has; results do not depend on it", 1024);

  table.choice("device", c.device, kDevices,
               "where the network is computed; cuda: an NVIDIA GPU, auto: there, where there is one");
  table.positive("checkpoint_seconds", c.checkpoint_seconds,
                 "between saved states of simulations, trainings and samples under way");

  table.section("system");
  std::vector<std::string> kinds;
  for (const auto& [name, unused] : system_kinds()) kinds.push_back('"' + name + '"');
  table.add(
      "kind", "the target energy U(x)", fmt::format("one of {}", fmt::join(kinds, ", ")),
      [&c](const toml::node& node) {
        // parse_config has set it before all others; here it is only checked.
        const auto found = node.value_exact<std::string>();
        return found && toml_string(*found) == toml_string(system_kinds()[c.system.kind.index()].first);
      },
      [&c] { return toml_string(system_kinds()[c.system.kind.index()].first); });
  table.count("particles", c.system.particles, std::size_t{2}, "N");
  table.count("dim", c.system.dim, std::size_t{1}, "D");
  std::visit([&](auto& parameters) { add_parameters(table, parameters); }, c.system.kind);
  table.text(
      "observables", c.system.observables, "text",
      "observables with names for analyze, as in \"r: distance 0 3, gyration\"; see docs/observables.md");

  table.section("data");
  const char* file = "the path of an .npy or .npz file, or \"\"";
  table.path("train", c.data.train, file,
             "configurations to train on, instead of simulating: (B, N, D) or (B, N·D)");
  table.path("validation", c.data.validation, file, "held out for the validation loss");
  table.path("test", c.data.test, file, "held out for evaluation; never trained on");

  table.section("simulate");
  table.count("samples", c.simulate.samples, std::size_t{1}, "wanted in all");
  table.count("chains", c.simulate.chains, std::size_t{3},
              "independent ones; train, validation and test data come from different chains");
  table.count("rungs", c.simulate.rungs, std::size_t{1},
              "replicas on the way from the target to where all is easy");
  table.choice("path", c.simulate.path, kPaths,
               "prior: to the flow's Gaussian prior, which gives log Z; temperature: to lowest_beta");
  table.number("lowest_beta", c.simulate.lowest_beta, 1e-6, 0.99, "hot end of the path temperature");
  table.count("leapfrog_steps", c.simulate.leapfrog_steps, std::size_t{1}, "of one trajectory");
  if (molecule_options_of(c.system) != nullptr) {
    table.choice(
        "mover", c.simulate.mover, kMovers,
        "hmc: trajectories with unit masses; langevin: dynamics with the atoms' masses and friction; "
        "both accepted or rejected");
    table.positive("timestep_fs", c.dynamics.timestep_fs, "of langevin, fs");
    table.positive("friction_per_ps", c.dynamics.friction_per_ps, "of langevin, 1/ps");
    table.number(
        "hydrogen_mass", c.dynamics.hydrogen_mass, 0, 12,
        "of langevin, u, at the neighbours' expense; 0: as it is. Equilibrium does not depend on it");
    table.flag("guard_peptide_bonds", c.dynamics.guard_peptide_bonds,
               "keep peptide bonds cis or trans as they are in the structure");
    table.text(
        "bias", c.dynamics.bias, "text",
        "sample exp(−U) (a f(angle) + 1) with von Mises' density f, so that a rare state has more samples to "
        "train on: dihedral, a, mean, concentration, as in \"phi 20 1 5\"; evaluations are of U; empty: "
        "none");
    table.path(
        "surrogate", c.dynamics.surrogate, "a path, or the name of one that comes with the program",
        "what `equibolt surrogate` wrote: the ladder is of that cheaper energy and proposes configurations, "
        "which the system's energy, evaluated once for each, accepts; empty: the ladder is of the system's",
        is_surrogate_path);
  }
  table.number("acceptance", c.simulate.acceptance, 0.05, 0.99, "that step sizes are adapted to in burn-in");
  table.count("burn_in", c.simulate.burn_in, std::size_t{1}, "iterations that adapt and are thrown away");
  table.count("pilot", c.simulate.pilot, std::size_t{100}, "iterations that measure autocorrelation times");
  table.count("thinning", c.simulate.thinning, std::size_t{0},
              "iterations between samples; 0: the longest autocorrelation time");

  if (molecule_options_of(c.system) != nullptr) {
    table.section("relax");
    table.count("steps", c.relax.steps, std::size_t{1}, "of Langevin dynamics from each frame");
    table.positive("timestep_fs", c.relax.timestep_fs, "fs");
    table.positive("friction_per_ps", c.relax.friction_per_ps, "1/ps");
    table.text("bias", c.relax.bias, "text",
               "weights for drawing frames, a f(angle) + 1 with von Mises' density f: dihedral, a, mean, "
               "concentration, as in \"phi 150 1 10\" (paper, eq. 30); empty: all alike");
    table.section("umbrella");
    table.count("windows", c.umbrella.windows, std::size_t{2},
                "evenly around the circle of the state's dihedral");
    table.positive("stiffness", c.umbrella.stiffness, "k of the bias k/2 (φ − φ_w)², kT/rad²");
    table.count("steps", c.umbrella.steps, std::size_t{1},
                "of each window, with the time step, friction and masses of the section simulate");
    table.count("record_every", c.umbrella.record_every, std::size_t{1}, "steps");
    table.number("discard", c.umbrella.discard, 0, 0.9,
                 "share of the steps that is not analysed, from the start");
    table.flag("exchange", c.umbrella.exchange, "neighbouring windows may exchange configurations");
    table.count("relax_steps", c.umbrella.relax_steps, std::size_t{1}, "before, with high friction");
    table.positive("relax_friction_per_ps", c.umbrella.relax_friction_per_ps, "1/ps");
    table.path("surrogate", c.umbrella.surrogate, "a path, or the name of one that comes with the program",
               "what `equibolt surrogate` wrote: Monte Carlo whose proposals are trajectories under it, "
               "record_every steps each, accepted by the system's energy; empty: dynamics under that",
               is_surrogate_path);
    table.section("surrogate");
    table.path("energy", c.surrogate.energy, "the name of a preset or a TOML file",
               "of the same molecule with a cheaper energy, which is corrected",
               [](const std::string& name) { return std::ranges::count(preset_names(), name) == 0; });
    table.count("rounds", c.surrogate.rounds, std::size_t{1}, "of sampling and fitting");
    table.count("samples", c.surrogate.samples, std::size_t{2},
                "of a round, in all windows of umbrella together");
    table.positive("ridge", c.surrogate.ridge, "penalty for large weights of the correction");
    table.positive("step", c.surrogate.trajectory.step,
                   "of leapfrog trajectories with unit masses, in Å where kT = 1");
    table.count("leapfrog_steps", c.surrogate.trajectory.leapfrog_steps, std::size_t{1},
                "of a trajectory; umbrella.record_every is a multiple of it");
  }

  table.section("network");
  table.count("hidden", c.network.hidden, std::size_t{1},
              "width h of every hidden layer; 32, 64, 128 are fast");
  table.count("layers", c.network.layers, std::size_t{1}, "number of layers L");
  table.path("init_from", c.network.init_from, "a path",
             "a model of this shape whose weights the training begins with; empty: random ones");

  table.section("train");
  table.count("steps", c.train.steps, std::size_t{0}, "length of the training; 0: as minutes says");
  table.number(
      "minutes", c.train.minutes, 0, kInfinity,
      "length of the training in time; 0: as steps says. Results then depend on the machine's speed");
  table.count("batch", c.train.batch, std::size_t{1}, "samples per step");
  table.choice(
      "precision", c.matching.precision, kPrecisions,
      "of the gradients' products; bf16 is faster and needs a processor that has it, auto: where it does");
  table.choice("coupling", c.coupling.kind, kCouplings, "how prior and data samples are paired");
  table.flag("reflections", c.coupling.reflections, "alignment may reflect as well as rotate");
  table.flag("alternate", c.coupling.alternate,
             "alternate permutation and rotation until the cost no longer falls (the paper: once each)");
  table.flag("with_replacement", c.coupling.with_replacement,
             "draw pairs from the transport plan, as the authors' code does; false: each sample once");
  table.number("sigma", c.matching.sigma, 0, kInfinity, "σ of the noise on x_t");
  add_optimizer(table, c.train);
  table.count("validation_batches", c.matching.validation_batches, std::size_t{1},
              "batches of held-out data in the validation loss");
  table.count("producers", c.matching.producers, std::size_t{1}, "background threads that make pairs", 1024);

  table.section("finetune");
  table.count("steps", c.finetune.steps, std::size_t{0},
              "of path gradients, which use the forces, after flow matching; 0: as minutes says");
  table.number("minutes", c.finetune.minutes, 0, kInfinity,
               "length in time; 0: as steps says. No steps and no minutes: no such training");
  table.count("batch", c.finetune.batch, std::size_t{1}, "samples per step");
  table.count("flow_steps", c.path_gradient.path.steps, std::size_t{1},
              "of RK4, in which samples are carried back");
  table.count("probes", c.path_gradient.path.probes, std::size_t{1},
              "random directions for the gradient of the divergence, at each stage");
  table.number("cap", c.path_gradient.cap, 0, kInfinity,
               "samples' scores at t = 0 are shortened to so many times the batch's median; 0: not");
  add_optimizer(table, c.finetune);
  table.count("validation_batches", c.path_gradient.validation_batches, std::size_t{1},
              "batches of held-out data in the validation loss");

  table.section("flow");
  table.choice("method", c.flow.method, kMethods, "integrator of the flow");
  table.count("steps", c.flow.steps, std::size_t{1}, "of the fixed-step methods");
  table.count("divergence_nodes", c.flow.divergence_nodes, std::size_t{0},
              "Gauss-Legendre nodes of the divergence on the whole path; 0: otherwise", 64);
  table.number("divergence_bend", c.flow.divergence_bend, 0, 0.9,
               "these nodes in s, where t = s + bend s (1 - s): denser towards t = 1");
  table.number("refine_above", c.flow.refine_above, 0, kInfinity,
               "of rk3 and rk4: samples for which the norm of v(t) - 2 v(t + h/2) + v(t + h) exceeds this on "
               "a step are "
               "integrated again with a third more steps and nodes; 0: none");
  table.number(
      "divergence_tolerance", c.flow.divergence_tolerance, 0, kInfinity,
      "of dopri5 without nodes, kT: divergence by a quadrature on its steps, refined for each sample; 0: at "
      "every stage, as of the other methods without nodes");
  table.count(
      "divergence_probes", c.flow.divergence_probes, std::size_t{0},
      "0: exact divergence; else Hutchinson's estimate, whose noise biases weights (docs/densities.md)", 1e6);
  table.positive("atol", c.flow.atol, "absolute tolerance of dopri5");
  table.positive("rtol", c.flow.rtol, "relative tolerance of dopri5");
  table.count("max_steps", c.flow.max_steps, std::size_t{1}, "dopri5 gives a sample up after so many");

  table.section("evaluate");
  table.count("samples", c.evaluate.samples, std::size_t{2}, "samples drawn from the flow");
  table.count("test_samples", c.evaluate.test_samples, std::size_t{2},
              "held-out configurations whose density is computed, at most");
  return table.take();
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = std::numeric_limits<std::size_t>::max();
  for (const std::string& candidate : known) {
    // Levenshtein's distance, one row of the table at a time.
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < name.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i + 1;
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        const std::size_t replaced = diagonal + (name[i] == candidate[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

}  // namespace equibolt
