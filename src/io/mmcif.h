#pragma once

#include <string>
#include <string_view>

#include "chemistry/molecule.h"

namespace equibolt {

/// The first model of an mmCIF file's text: the rows of _atom_site, one location of each atom, in the file's
/// order. Chains and residue numbers are the authors' (auth_asym_id, auth_seq_id), as in PDB files. Throws
/// DataError that names `origin` and the row.
Molecule parse_mmcif(std::string_view text, const std::string& origin);

}  // namespace equibolt
