#pragma once

#include <string>
#include <string_view>

#include "chemistry/molecule.h"
#include "equibolt/configurations.h"

namespace equibolt {

/// The first frame of an xyz file's text (Å): a number of atoms, a comment, and for each atom an element and
/// three coordinates. Elements may be symbols, atomic numbers, or labels ("C12"), which become the atoms'
/// names. Of extended xyz the comment's Properties say which columns these are. Throws DataError that names
/// `origin`:line.
Molecule parse_xyz(std::string_view text, const std::string& origin);

/// A frame per configuration of x (B, N, 3), Å.
std::string xyz_text(const Molecule& molecule, ConfigurationsView<const float> x);

}  // namespace equibolt
