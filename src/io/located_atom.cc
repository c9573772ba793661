#include "io/located_atom.h"

#include <algorithm>
#include <map>
#include <utility>

#include "equibolt/error.h"

namespace equibolt {
namespace {

/// Which of a residue's atoms are taken. `records` are indices into `atoms`, in the file's order.
void choose(const std::vector<LocatedAtom>& atoms, const std::vector<std::size_t>& records,
            std::vector<bool>& taken) {
  // Sums in the order in which locations appear.
  std::vector<std::string> locations;
  std::map<std::string, std::pair<double, double>> occupancy;  // sum and count
  for (const std::size_t k : records) {
    const LocatedAtom& a = atoms[k];
    if (!occupancy.contains(a.location)) locations.push_back(a.location);
    occupancy[a.location].first += a.occupancy;
    occupancy[a.location].second += 1;
  }
  const auto mean = [&](const std::string& location) {
    return occupancy[location].first / occupancy[location].second;
  };
  const std::string chosen = *std::max_element(
      locations.begin(), locations.end(), [&](const auto& a, const auto& b) { return mean(a) < mean(b); });
  const auto first = std::find_if(records.begin(), records.end(),
                                  [&](std::size_t k) { return atoms[k].location == chosen; });
  const std::string& residue = atoms[*first].atom.residue;  // locations may even be of different residues
  std::map<std::string, std::string> location_of;           // of each name
  std::map<std::string, double> fullest;
  for (const std::size_t k : records) {
    const LocatedAtom& a = atoms[k];
    if (a.atom.residue != residue) continue;
    const double rank = a.location == chosen ? 1e9 : a.occupancy;
    if (!fullest.contains(a.atom.name) || rank > fullest[a.atom.name]) {
      fullest[a.atom.name] = rank;
      location_of[a.atom.name] = a.location;
    }
  }
  for (const std::size_t k : records) {
    const LocatedAtom& a = atoms[k];
    taken[k] = a.atom.residue == residue && location_of[a.atom.name] == a.location;
  }
}

}  // namespace

Molecule molecule_of(const std::vector<LocatedAtom>& atoms, const std::string& origin) {
  Molecule molecule;
  molecule.origin = origin;
  std::map<std::pair<std::string, std::string>, std::vector<std::size_t>> residues;  // records with locations
  for (std::size_t k = 0; k < atoms.size(); ++k) {
    const Atom& a = atoms[k].atom;
    if (!atoms[k].location.empty()) residues[{a.chain, a.residue_number}].push_back(k);
  }
  std::vector<bool> taken(atoms.size(), true);
  for (const auto& [residue, records] : residues) choose(atoms, records, taken);
  std::vector<std::string> left_out;  // names of residues
  std::size_t count = 0;
  for (std::size_t k = 0; k < atoms.size(); ++k) {
    const Atom& a = atoms[k].atom;
    if (taken[k]) {
      molecule.atoms.push_back(a);
      molecule.positions.insert(molecule.positions.end(), atoms[k].position.begin(), atoms[k].position.end());
      continue;
    }
    ++count;
    const std::string residue = fmt::format("{}{}{}", a.chain, a.chain.empty() ? "" : "/", a.residue_number);
    if (std::find(left_out.begin(), left_out.end(), residue) == left_out.end()) left_out.push_back(residue);
  }
  if (count > 0) {
    constexpr std::size_t listed = 10;
    const bool more = left_out.size() > listed;
    if (more) left_out.resize(listed);
    molecule.notes.push_back(fmt::format(
        "{}: {} atoms at alternative locations were left out (residues {}{}): one location of highest "
        "occupancy is used for each residue",
        origin, count, fmt::join(left_out, ", "), more ? ", …" : ""));
  }
  return molecule;
}

void note_cell(Molecule& molecule, const std::string& where, double a, double b, double c) {
  if (!(std::max({a, b, c}) > 1.001)) return;
  molecule.notes.push_back(
      fmt::format("{}: the unit cell of {} × {} × {} Å is ignored: the molecule is taken as it is, "
                  "without periodic images",
                  where, a, b, c));
}

void note_first_of(Molecule& molecule, std::size_t count, const char* what) {
  if (count > 1)
    molecule.notes.push_back(
        fmt::format("{}: only the first of {} {} is used", molecule.origin, count, what));
}

}  // namespace equibolt
