#include "chemistry/torsions.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>
#include <utility>

namespace equibolt {
namespace {

using Neighbours = std::vector<std::vector<std::size_t>>;

/// Whether the bond i–j lies in a ring: j can be reached from i without it.
bool in_ring(const Neighbours& neighbours, std::size_t i, std::size_t j) {
  std::vector<char> seen(neighbours.size(), 0);
  std::vector<std::size_t> open{i};
  seen[i] = 1;
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    for (const std::size_t next : neighbours[at]) {
      if ((at == i && next == j) || seen[next] != 0) continue;
      if (next == j) return true;
      seen[next] = 1;
      open.push_back(next);
    }
  }
  return false;
}

/// The neighbours of `atom` but `other`.
std::vector<std::size_t> rest(const Neighbours& neighbours, std::size_t atom, std::size_t other) {
  std::vector<std::size_t> atoms = neighbours[atom];
  std::erase(atoms, other);
  return atoms;
}

/// Whether an end of a bond is worth a torsion: anything but nothing, and several equal atoms that end there.
bool turns(const Neighbours& neighbours, const std::vector<int>& elements, std::span<const std::size_t> end) {
  if (end.size() < 2) return !end.empty();
  const auto ends_alike = [&](std::size_t atom) {
    return neighbours[atom].size() == 1 && elements[atom] == elements[end[0]];
  };
  return !std::ranges::all_of(end, ends_alike);
}

/// The first of the heaviest.
std::size_t heaviest(const std::vector<int>& elements, std::span<const std::size_t> atoms) {
  return *std::ranges::max_element(atoms, {}, [&](std::size_t atom) { return elements[atom]; });
}

/// "phi", "psi", "omega" of a peptide's backbone by the names of its atoms; empty for others. The caps of a
/// chain, ACE and NME, have backbone atoms of these names too.
std::string backbone_name(const Molecule& molecule, const DihedralAtoms& atoms) {
  std::string names;
  for (const std::size_t atom : atoms) names += molecule.atoms[atom].name + " ";
  const std::string between =
      molecule.atoms[atoms[1]].residue_number == molecule.atoms[atoms[2]].residue_number ? "" : " across";
  if (names == "C N CA C " && between.empty()) return "phi";
  if (names == "N CA C N " && between.empty()) return "psi";
  if ((names == "CA C N CA " || names == "CH3 C N CA " || names == "CA C N CH3 " || names == "CA C N C ") &&
      !between.empty())
    return "omega";
  return {};
}

/// The torsion about i–j: that of the backbone where the atoms' names say that it is one, in its order, else
/// with the heaviest outer atoms and without a name.
Torsion torsion_about(const Molecule& molecule, const std::vector<int>& elements, std::size_t i,
                      std::size_t j, std::span<const std::size_t> first, std::span<const std::size_t> last) {
  for (const std::size_t outer : first) {
    for (const std::size_t other : last) {
      for (const DihedralAtoms& atoms :
           {DihedralAtoms{outer, i, j, other}, DihedralAtoms{other, j, i, outer}}) {
        if (std::string name = backbone_name(molecule, atoms); !name.empty()) return {std::move(name), atoms};
      }
    }
  }
  return {"", {heaviest(elements, first), i, j, heaviest(elements, last)}};
}

/// Equal numbers for atoms that the bond graph does not tell apart (colour refinement).
std::vector<std::size_t> colours_of(const std::vector<int>& elements, const Neighbours& neighbours) {
  std::vector<std::size_t> colours(elements.begin(), elements.end());
  for (std::size_t kinds = 0;;) {
    std::map<std::pair<std::size_t, std::multiset<std::size_t>>, std::size_t> known;
    std::vector<std::size_t> refined(colours.size());
    for (std::size_t k = 0; k < colours.size(); ++k) {
      std::multiset<std::size_t> around;
      for (const std::size_t other : neighbours[k]) around.insert(colours[other]);
      refined[k] = known.emplace(std::pair(colours[k], std::move(around)), known.size()).first->second;
    }
    colours = std::move(refined);
    if (known.size() == kinds) return colours;
    kinds = known.size();
  }
}

/// Whether three atoms lie so nearly on a line, in the molecule's positions, that a dihedral over them is
/// noise.
bool on_a_line(const Molecule& molecule, std::size_t i, std::size_t j, std::size_t k) {
  constexpr double largest_cosine = 0.985;  // 170°
  if (molecule.positions.size() != 3 * molecule.size()) return false;
  double product = 0, first = 0, second = 0;
  for (std::size_t d = 0; d < 3; ++d) {
    const double a = molecule.positions[3 * i + d] - molecule.positions[3 * j + d];
    const double b = molecule.positions[3 * k + d] - molecule.positions[3 * j + d];
    product += a * b, first += a * a, second += b * b;
  }
  return -product > largest_cosine * std::sqrt(first * second);
}

}  // namespace

std::vector<Torsion> torsions_of(const Molecule& molecule, const Bonds& bonds) {
  const std::vector<int> elements = molecule.elements();
  const Neighbours neighbours = neighbours_of(molecule.size(), bonds);
  std::vector<Torsion> torsions;
  std::map<std::string, std::size_t> count;  // of torsions with a name
  for (const auto& [i, j] : bonds) {
    const auto first = rest(neighbours, i, j), last = rest(neighbours, j, i);
    if (!turns(neighbours, elements, first) || !turns(neighbours, elements, last) ||
        in_ring(neighbours, i, j))
      continue;
    auto [name, atoms] = torsion_about(molecule, elements, i, j, first, last);
    if (on_a_line(molecule, atoms[0], atoms[1], atoms[2]) ||
        on_a_line(molecule, atoms[1], atoms[2], atoms[3]))
      continue;
    const std::size_t number = ++count[name.empty() ? "t" : name];
    if (name.empty()) {
      name = "t" + std::to_string(number);
    } else if (number > 1) {
      name += std::to_string(number);
    }
    torsions.push_back({name, atoms});
  }
  return torsions;
}

std::vector<std::size_t> stereocentres(const Molecule& molecule, const Bonds& bonds) {
  const Neighbours neighbours = neighbours_of(molecule.size(), bonds);
  const std::vector<std::size_t> colours = colours_of(molecule.elements(), neighbours);
  std::vector<std::size_t> centres;
  for (std::size_t k = 0; k < neighbours.size(); ++k) {
    std::set<std::size_t> around;
    for (const std::size_t other : neighbours[k]) around.insert(colours[other]);
    if (neighbours[k].size() == 4 && around.size() == 4) centres.push_back(k);
  }
  return centres;
}

}  // namespace equibolt
