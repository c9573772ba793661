#include "config/molecule_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "chemistry/torsions.h"
#include "config/config.h"
#include "equibolt/error.h"
#include "system/builtin_files.h"
#include "system/make_energy.h"
#include "system/molecule_options.h"
#include "system/openmm_energy.h"
#include "system/xtb_energy.h"

namespace equibolt {
namespace {

/// JSON's strings are TOML's too.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump();
}

/// The path of a file as it is meant from the folder of another one; names of built-in things stay.
std::string from_folder_of(const std::filesystem::path& config, const std::string& path, bool is_built_in) {
  if (is_built_in) return path;
  // Without symbolic links, through which ".." would lead elsewhere.
  const auto folder = std::filesystem::weakly_canonical(std::filesystem::absolute(config).parent_path());
  const auto relative = std::filesystem::canonical(path).lexically_relative(folder);
  return relative.empty() ? std::filesystem::canonical(path).string() : relative.string();
}

/// Throws UsageError for a name that no line of a config can hold.
void require_plain_name(const std::string& path) {
  const bool control = std::ranges::any_of(path, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  const std::string kept = nlohmann::json(path).dump(-1, ' ', false, nlohmann::json::error_handler_t::ignore);
  if (control || nlohmann::json::parse(kept).get<std::string>() != path)
    throw UsageError(
        "init: a file name with control characters, or that is not UTF-8; rename or link the file");
}

/// The atoms by names that are understood, where each is unique, else by their indices.
std::string atoms_text(const Molecule& molecule, const DihedralAtoms& atoms) {
  std::vector<std::string> names;
  for (const std::size_t atom : atoms) {
    const std::string name = molecule.name_of(atom);
    try {
      if (molecule.atom(name) != atom) return fmt::format("{}", fmt::join(atoms, " "));
    } catch (const UsageError&) {  // several atoms have it
      return fmt::format("{}", fmt::join(atoms, " "));
    }
    names.push_back(name);
  }
  return fmt::format("{}", fmt::join(names, " "));
}

std::string dihedrals_text(const Molecule& molecule, const std::vector<Torsion>& torsions) {
  std::vector<std::string> parts;
  for (const Torsion& torsion : torsions)
    parts.push_back(fmt::format("{}: {}", torsion.name, atoms_text(molecule, torsion.atoms)));
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// A state of the first torsion, to be changed: the rare one of φ, gauche of others.
std::string state_of_first(const std::vector<Torsion>& torsions) {
  const auto phi = std::ranges::find(torsions, "phi", &Torsion::name);
  return phi != torsions.end() ? "phi 0 2" : fmt::format("{} -2.0944 2.0944", torsions[0].name);
}

std::string energy_text(const MoleculeRequest& request, const std::string& system) {
  if (!system.empty()) return fmt::format("kind = \"openmm\"\nsystem = {}", quoted(system));
  return fmt::format(
      "kind = \"xtb\"\nmethod = \"gfn2\"\nsolvent = {}  # implicit, by GBSA: \"water\"; \"\": vacuum\ncharge "
      "= {}",
      quoted(request.solvent), request.charge);
}

/// Replica exchange in temperature: classical energies cost microseconds, semi-empirical ones milliseconds.
constexpr const char* kClassicalSimulation =
    R"(# Langevin dynamics of `chains` independent ladders from 1 to 1/lowest_beta times the temperature.
[simulate]
mover = "langevin"
samples = 40000
chains = 8
rungs = 4
path = "temperature"
lowest_beta = 0.5
leapfrog_steps = 100
burn_in = 200
pilot = 200
thinning = 1
)";
constexpr const char* kQuantumSimulation =
    R"(# Langevin dynamics of `chains` independent ladders from 1 to 1/lowest_beta times the temperature. An energy costs
# milliseconds: `equibolt run --dry-run` says what this comes to; fewer samples or steps are a beginning.
[simulate]
mover = "langevin"
timestep_fs = 1.0
samples = 4000
chains = 8
rungs = 2
path = "temperature"
lowest_beta = 0.7
leapfrog_steps = 50
burn_in = 100
pilot = 100
thinning = 1
)";

constexpr const char* kRest = R"(
[network]
hidden = {hidden}
layers = {layers}

# Flow matching. More steps, and a wider network, give a better flow.
[train]
steps = {steps}
batch = {batch}
sigma = 0.0
precision = "auto"
coupling = "aligned"
optimizer = "muon"
learning_rate = 4e-3
schedule = "linear"
warmup = 0.03
clip = 1.0
ema = 0.999

# Path gradients, which use the forces: the cheapest way to a better ESS. More steps help for long.
[finetune]
steps = 400
batch = 16

# Log weights to some 0.02 kT for n-butane; `equibolt densities` measures it.
[flow]
method = "rk4"
steps = 24
divergence_nodes = 24

[evaluate]
samples = 5000
test_samples = 2000
)";

}  // namespace

MoleculeConfig molecule_config(const MoleculeRequest& request, const std::filesystem::path& file) {
  std::string system;
  if (request.energy.starts_with("openmm:")) {
    system = request.energy.substr(7);
    require_plain_name(system);
    (void)load_system_xml(system);  // so that a misspelt name is found now
    system = from_folder_of(file, system, builtin_openmm_systems().contains(system));
  } else if (request.energy != "xtb") {
    throw UsageError("--energy: expected xtb or openmm:SYSTEM.xml, found '{}'", request.energy);
  }
  if (!system.empty() && (!request.solvent.empty() || request.charge != 0))
    throw UsageError("--solvent and --charge apply to xtb only; an OpenMM System has its own");

  require_plain_name(request.structure);
  const Molecule molecule = load_molecule(request.structure);
  if (molecule.size() < 2) throw UsageError("{}: expected 2 atoms or more, found 1", request.structure);
  const Bonds bonds = bonds_of(molecule.elements(), molecule.positions.data());
  const std::vector<Torsion> torsions = torsions_of(molecule, bonds);
  const ParticleTypes types = particle_types_of(molecule, "symmetry");
  const auto classes = std::set<int>(types.begin(), types.end()).size();
  std::vector<std::string> centres;
  for (const std::size_t atom : stereocentres(molecule, bonds)) centres.push_back(molecule.name_of(atom));

  MoleculeConfig config;
  config.remarks.push_back(fmt::format("{}: {}, {} atoms of {} types", request.structure, molecule.formula(),
                                       molecule.size(), classes));
  config.remarks.push_back(torsions.empty()
                               ? "no torsions: every bond is in a ring, on a line, or ends in equal atoms"
                               : fmt::format("torsions: {}", dihedrals_text(molecule, torsions)));
  if (!centres.empty()) {
    config.remarks.push_back(fmt::format(
        "stereocentres: {}. The flow draws both mirror images: evaluations and analyses reflect and "
        "count them, and so does export --mirror",
        fmt::join(centres, ", ")));
  }

  std::string& text = config.text;
  text = fmt::format(
      "# {}: {}, {} atoms. Made by `equibolt init --structure`; every key is in docs/config.md.\nseed = "
      "1\n\n[system]\n{}\n",
      std::filesystem::path(request.structure).filename().string(), molecule.formula(), molecule.size(),
      energy_text(request, system));
  text += fmt::format(
      "structure = {}\n# Atoms that the bond graph allows to be exchanged, such as the hydrogens of a methyl "
      "group, are alike.\n"
      "types = \"symmetry\"\ntemperature = 300.0  # K\n",
      quoted(from_folder_of(file, request.structure, builtin_structures().contains(request.structure))));
  if (!torsions.empty()) {
    text += fmt::format(
        "# Each is an observable of `equibolt analyze`. Uncomment the state for its free energy; "
        "docs/molecules.md.\n"
        "dihedrals = {}\n# state = {}\n",
        quoted(dihedrals_text(molecule, torsions)), quoted(state_of_first(torsions)));
  }
  text += '\n';
  text += system.empty() ? kQuantumSimulation : kClassicalSimulation;
  const bool small = molecule.size() <= 16;
  text +=
      fmt::format(fmt::runtime(kRest), fmt::arg("hidden", small ? 32 : 64), fmt::arg("layers", small ? 4 : 5),
                  fmt::arg("steps", small ? 20000 : 6000), fmt::arg("batch", small ? 64 : 128));
  const RunConfig parsed =
      parse_config(text, file.string(), {}, std::filesystem::absolute(file).parent_path());
  // What the energy itself has against the structure is better known now than at the run.
  const bool is_there = system.empty() ? has_xtb() : !openmm_version().empty();
  if (is_there) (void)make_energy(parsed.system);
  return config;
}

}  // namespace equibolt
