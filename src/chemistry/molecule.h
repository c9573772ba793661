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
  std::string residue_number =
      "1";              ///< as the file writes it, with the insertion code: "12", "-2", "12A", "A000"
  std::string chain;    ///< "A"; may be empty
  int mass_number = 0;  ///< 2 for deuterium, 3 for tritium, 0 for the element's natural isotopes
};

/// What a structure file says about a molecule: its atoms and one configuration.
struct Molecule {
  std::vector<Atom> atoms;         // (N,)
  std::vector<double> positions;   // (N, 3), Å
  std::string origin;              ///< the file, for messages
  std::vector<std::string> notes;  ///< what in the file was not used, or is doubtful: warnings for the user

  std::size_t size() const { return atoms.size(); }
  std::vector<int> elements() const;
  /// (N,), u.
  std::vector<double> masses() const;
  /// The sum formula in Hill's order, C and H first: "C6H12N2O2".
  std::string formula() const;

  /// The atom that `text` names: an index from 0, a name that occurs once ("CA"), residue number and name
  /// ("3:C",
  /// "-2:C", "12A:C"), or these after a chain ("A/12:CA"). Throws UsageError that lists what there is.
  std::size_t atom(std::string_view text) const;
  /// What `atom` understands: "12:CA".
  std::string name_of(std::size_t atom) const;
};

/// Pairs of atoms i < j, ascending.
using Bonds = std::vector<std::pair<std::size_t, std::size_t>>;

/// Who is bonded in positions x (N, 3): pairs nearer than `scale` times the sum of their covalent radii.
Bonds bonds_of(const std::vector<int>& elements, const double* x, double scale = 1.25);

/// (N,): the neighbours of each atom, ascending.
std::vector<std::vector<std::size_t>> neighbours_of(std::size_t atoms, const Bonds& bonds);

}  // namespace equibolt
