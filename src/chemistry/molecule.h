#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace equibolt {

struct Atom {
  int element = 0;      ///< atomic number, 1 … 86
  std::string name;     ///< within its residue ("CA"); the element's symbol where a file has none
  std::string residue;  ///< "ALA"; may be empty
  int residue_number = 1;
  char chain = ' ';
};

/// What a structure file says of a molecule: its atoms and one configuration.
struct Molecule {
  std::vector<Atom> atoms;        // (N,)
  std::vector<double> positions;  // (N, 3), Å
  std::string origin;             ///< the file, for messages

  std::size_t size() const { return atoms.size(); }
  std::vector<int> elements() const;
  /// (N,), u.
  std::vector<double> masses() const;

  /// The atom that `text` names: an index from 0, a name that occurs once ("CA"), or residue number and name
  /// ("3:C"). Throws UsageError that lists what there is.
  std::size_t atom(std::string_view text) const;
};

/// Pairs of atoms i < j, ascending.
using Bonds = std::vector<std::pair<std::size_t, std::size_t>>;

/// Who is bonded in positions x (N, 3): pairs nearer than `scale` times the sum of their covalent radii.
Bonds bonds_of(const std::vector<int>& elements, const double* x, double scale = 1.25);

/// (N,): the neighbours of each atom, ascending.
std::vector<std::vector<std::size_t>> neighbours_of(std::size_t atoms, const Bonds& bonds);

}  // namespace equibolt
