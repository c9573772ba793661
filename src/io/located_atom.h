#pragma once

#include <array>
#include <string>
#include <vector>

#include "chemistry/molecule.h"

namespace equibolt {

/// An atom as crystallographers record it: where a part of a residue was seen in several places, each is one
/// of its alternative locations, with the fraction of molecules that are there.
struct LocatedAtom {
  Atom atom;
  std::array<double, 3> position{};  ///< Å
  std::string location;              ///< "A", "B", …; empty where there is only one
  double occupancy = 1;
};

/// The molecule with one location of each atom: within a residue the location of highest mean occupancy (the
/// first among equals), and for atoms that it lacks the fullest of theirs. Notes count what was left out.
/// Throws DataError where there are no atoms.
Molecule molecule_of(const std::vector<LocatedAtom>& atoms, const std::string& origin);

/// A note that periodicity is ignored, unless the cell's edges (Å) are those of no crystal: 0 or 1.
void note_cell(Molecule& molecule, const std::string& where, double a, double b, double c);
/// A note that only the first of so many is used, if there are several.
void note_first_of(Molecule& molecule, std::size_t count, const char* what);

}  // namespace equibolt
