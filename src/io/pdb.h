#pragma once

#include <string>
#include <string_view>

#include "chemistry/molecule.h"
#include "equibolt/configurations.h"

namespace equibolt {

/// The first model of a PDB file's text: ATOM and HETATM records, one location of each atom. Residue numbers
/// keep their insertion codes and are labels otherwise (hybrid-36 and hexadecimal ones too). Elements come
/// from columns 77-78, or, where these are empty, from the names in residues of proteins, nucleic acids and
/// water, and else from names that allow one element only. Throws DataError that names `origin`:line for
/// anything that is not a molecule of finite positions and elements up to Rn.
Molecule parse_pdb(std::string_view text, const std::string& origin);

/// A model per configuration of x (B, N, 3), Å. Throws DataError where a number does not fit into its
/// columns.
std::string pdb_text(const Molecule& molecule, ConfigurationsView<const float> x);

}  // namespace equibolt
