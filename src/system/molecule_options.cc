#include "system/molecule_options.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <map>
#include <mutex>
#include <numbers>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "core/log.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/pdb.h"
#include "io/structure_file.h"
#include "system/builtin_files.h"
#include "system/shape.h"

namespace equibolt {
namespace {

/// The elements that occur, numbered from 0.
ParticleTypes element_types(const Molecule& molecule) {
  const std::vector<int> elements = molecule.elements();
  const std::set<int> present(elements.begin(), elements.end());
  ParticleTypes types;
  for (const int element : elements) {
    types.push_back(static_cast<int>(std::distance(present.begin(), present.find(element))));
  }
  return types;
}

ParticleTypes distinct_types(std::size_t atoms) {
  ParticleTypes types(atoms);
  for (std::size_t i = 0; i < atoms; ++i) types[i] = static_cast<int>(i);
  return types;
}

/// Exchanging i and j leaves the graph unchanged exactly if they have the same neighbours but for each other,
/// which is an equivalence: within its classes all permutations do.
ParticleTypes symmetry_types(const Molecule& molecule) {
  const auto neighbours =
      neighbours_of(molecule.size(), bonds_of(molecule.elements(), molecule.positions.data()));
  const auto others = [&](std::size_t i, std::size_t j) {
    auto list = neighbours[i];
    std::erase(list, j);
    return list;
  };
  ParticleTypes types(molecule.size(), -1);
  int next = 0;
  for (std::size_t i = 0; i < molecule.size(); ++i) {
    if (types[i] >= 0) continue;
    types[i] = next;
    for (std::size_t j = i + 1; j < molecule.size(); ++j) {
      if (molecule.atoms[i].element == molecule.atoms[j].element && others(i, j) == others(j, i))
        types[j] = next;
    }
    ++next;
  }
  return types;
}

bool is_cap(const Atom& atom) {
  return atom.residue == "ACE" || atom.residue == "NME" || atom.residue == "NMA";
}

/// In a chain of residues: N, CA and C of amino acids, C of ACE, N of NME.
bool in_backbone(const Atom& atom) {
  if (atom.residue == "ACE") return atom.name == "C";
  if (is_cap(atom)) return atom.name == "N";
  return atom.name == "N" || atom.name == "CA" || atom.name == "C";
}

ParticleTypes backbone_types(const Molecule& molecule) {
  // The paper's one-hot width keeps a place for each of H, C, N, O, whether it is used or not.
  const std::map<int, int> first{{1, 0}, {6, 1}, {7, 2}, {8, 3}};
  ParticleTypes types;
  int next = 4;
  for (const Atom& atom : molecule.atoms) {
    const auto element = first.find(atom.element);
    if (element == first.end()) {
      throw UsageError("{}: types = \"backbone\" knows H, C, N and O; atom {} is element {}", molecule.origin,
                       atom.name, atom.element);
    }
    types.push_back(in_backbone(atom) ? next++ : element->second);
  }
  if (next == 4) {
    throw UsageError(
        "{}: types = \"backbone\" found no backbone atoms: it needs the names of a PDB file (N, CA, C)",
        molecule.origin);
  }
  return types;
}

ParticleTypes listed_types(const Molecule& molecule, const std::string& text) {
  std::string blanks = text;
  std::replace(blanks.begin(), blanks.end(), ',', ' ');
  std::istringstream words(blanks);
  ParticleTypes types;
  for (int type = 0; words >> type;) {
    if (type < 0) throw UsageError("system.types: expected numbers from 0, found {}", type);
    types.push_back(type);
  }
  if (!words.eof()) {
    throw UsageError(
        "system.types: expected \"elements\", \"symmetry\", \"backbone\", \"distinct\" or a list of numbers "
        "as in "
        "\"0 0 1\", found '{}'",
        text);
  }
  if (types.size() != molecule.size()) {
    throw UsageError("system.types: expected {} numbers, one for each atom of {}, found {}", molecule.size(),
                     molecule.origin, types.size());
  }
  return types;
}

/// Logs each note once, however often the structure is read.
void log_notes(const Molecule& molecule) {
  static std::mutex mutex;
  static std::set<std::string> logged;
  const std::lock_guard lock(mutex);
  for (const std::string& note : molecule.notes) {
    if (logged.insert(note).second) log_text("warning", note);
  }
}

template <typename Files>
std::string names_of(const Files& files) {
  std::string names;
  for (const auto& [name, text] : files) names += (names.empty() ? "" : ", ") + name;
  return names;
}

}  // namespace

Molecule load_molecule(const std::string& structure) {
  const auto& files = builtin_structures();
  const auto found = files.find(structure);
  if (found != files.end()) return parse_pdb(found->second, structure);
  if (!std::filesystem::exists(structure)) {
    throw UsageError("the structure '{}' is neither a file nor built in ({})", structure, names_of(files));
  }
  Molecule molecule = read_structure(structure);
  log_notes(molecule);
  return molecule;
}

std::string load_system_xml(const std::string& system) {
  const auto& files = builtin_openmm_systems();
  const auto found = files.find(system);
  if (found != files.end()) return found->second;
  if (!std::filesystem::exists(system)) {
    throw UsageError("the OpenMM System '{}' is neither a file nor built in ({})", system, names_of(files));
  }
  return read_text_file(system);
}

void require_molecule_shape(const Molecule& molecule, std::size_t particles, std::size_t dim) {
  require_shape(molecule.origin, particles, dim);
  if (particles != molecule.size()) {
    throw UsageError("system.particles is {}, but {} has {} atoms", particles, molecule.origin,
                     molecule.size());
  }
  if (dim != 3) throw UsageError("system.dim is {}, but molecules have 3 dimensions", dim);
}

std::vector<NamedDihedral> dihedrals_of(const Molecule& molecule, const std::string& text) {
  std::vector<NamedDihedral> dihedrals;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    // The name's colon is followed by a blank, those of atoms are not.
    const auto colon = part.find(": ");
    std::string name = part.substr(0, colon);
    std::erase_if(name, [](unsigned char c) { return std::isspace(c) != 0; });
    if (colon == std::string::npos || name.empty()) {
      throw UsageError(
          "system.dihedrals: expected \"name: four atoms\", as in \"phi: 1:C 2:N 2:CA 2:C\", found '{}'",
          part);
    }
    const auto same = [&](const NamedDihedral& other) { return other.name == name; };
    if (std::any_of(dihedrals.begin(), dihedrals.end(), same))
      throw UsageError("system.dihedrals: there are two of the name '{}'", name);
    try {
      dihedrals.push_back({name, dihedral_atoms(molecule, part.substr(colon + 2))});
    } catch (const UsageError& error) {
      throw UsageError("system.dihedrals: '{}': {}", name, error.what());
    }
  }
  return dihedrals;
}

Arc arc_between(double low, double high, std::string_view what, const std::string& text) {
  constexpr double pi = std::numbers::pi;
  if (!(std::abs(low) <= 2 * pi && std::abs(high) <= 2 * pi)) {
    throw UsageError("{}: expected angles in radians, from −2π to 2π, found '{}' (degrees?)", what, text);
  }
  // From a positive angle to a negative one: across π.
  if (low > 0 && low <= pi && high < 0 && high >= -pi) high += 2 * pi;
  if (!(low < high && high - low < 2 * pi)) {
    throw UsageError(
        "{}: expected two angles low < high < low + 2π, or a positive and a negative one across ±π "
        "as in "
        "\"psi 2 -2\", found '{}'",
        what, text);
  }
  return {low, high};
}

std::optional<DihedralState> state_of(std::span<const NamedDihedral> dihedrals, const std::string& text) {
  if (text.empty()) return std::nullopt;
  DihedralState state;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    std::istringstream words(part);
    std::string name, rest;
    double low = 0, high = 0;
    if (!(words >> name >> low >> high) || (words >> rest)) {
      throw UsageError(
          "system.state: expected a dihedral's name and two angles in radians, as in \"phi 0 2\", or several "
          "with commas between, found '{}'",
          text);
    }
    const auto found = std::ranges::find(dihedrals, name, &NamedDihedral::name);
    if (found == dihedrals.end()) {
      std::vector<std::string_view> names;
      for (const NamedDihedral& d : dihedrals) names.push_back(d.name);
      throw UsageError("system.state: no dihedral is called '{}'; system.dihedrals has {}", name,
                       names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
    }
    state.ranges.push_back(
        {static_cast<std::size_t>(found - dihedrals.begin()), arc_between(low, high, "system.state", text)});
  }
  return state;
}

std::vector<std::string> check_molecule_options(const MoleculeOptions& options) {
  const Molecule molecule = load_molecule(options.structure);
  (void)particle_types_of(molecule, options.types);
  const auto dihedrals = dihedrals_of(molecule, options.dihedrals);
  (void)state_of(dihedrals, options.state);
  const Bonds bonds = bonds_of(molecule.elements(), molecule.positions.data());
  std::vector<std::string> doubts;
  for (const NamedDihedral& d : dihedrals) {
    for (std::size_t k = 0; k < 3; ++k) {
      const auto [i, j] = std::minmax(d.atoms[k], d.atoms[k + 1]);
      if (std::binary_search(bonds.begin(), bonds.end(), std::pair(i, j))) continue;
      doubts.push_back(
          fmt::format("system.dihedrals: '{}': atoms {} ({}) and {} ({}) are not bonded in {}; is this the "
                      "dihedral that is meant? "
                      "Indices count from 0",
                      d.name, d.atoms[k], molecule.name_of(d.atoms[k]), d.atoms[k + 1],
                      molecule.name_of(d.atoms[k + 1]), molecule.origin));
    }
  }
  return doubts;
}

ParticleTypes particle_types_of(const Molecule& molecule, const std::string& scheme) {
  if (scheme == "elements") return element_types(molecule);
  if (scheme == "symmetry") return symmetry_types(molecule);
  if (scheme == "distinct") return distinct_types(molecule.size());
  if (scheme == "backbone") return backbone_types(molecule);
  return listed_types(molecule, scheme);
}

}  // namespace equibolt
