#include "io/mmcif.h"

#include <array>
#include <exception>
#include <memory>
#include <vector>

#include "chemistry/elements.h"
#include "equibolt/error.h"
#include "io/cif.h"
#include "io/located_atom.h"
#include "io/text_lines.h"

namespace equibolt {
namespace {

/// The columns of _atom_site that are read; those with '?' need not be there.
enum Column {
  kX,
  kY,
  kZ,
  kSymbol,
  kName,
  kResidue,
  kLabelResidue,
  kChain,
  kLabelChain,
  kNumber,
  kLabelNumber,
  kInsertionCode,
  kLocation,
  kOccupancy,
  kModel
};
const std::vector<std::string> kColumns{"Cartn_x",        "Cartn_y",       "Cartn_z",
                                        "type_symbol",    "label_atom_id", "?auth_comp_id",
                                        "?label_comp_id", "?auth_asym_id", "?label_asym_id",
                                        "?auth_seq_id",   "?label_seq_id", "?pdbx_PDB_ins_code",
                                        "?label_alt_id",  "?occupancy",    "?pdbx_PDB_model_num"};

using Row = std::vector<std::string>;

/// Without its standard uncertainty, "31.3" of "31.3(2)".
std::string plain_number(const std::string& text) {
  return text.substr(0, text.find('('));
}

const std::string& first_given(const std::string& preferred, const std::string& otherwise) {
  return preferred.empty() ? otherwise : preferred;
}

LocatedAtom atom_of(const Row& row, const std::string& where) {
  LocatedAtom a;
  a.atom.name = row[kName];
  a.atom.residue = first_given(row[kResidue], row[kLabelResidue]);
  a.atom.chain = first_given(row[kChain], row[kLabelChain]);
  const std::string number = first_given(row[kNumber], row[kLabelNumber]) + row[kInsertionCode];
  if (!number.empty()) a.atom.residue_number = number;
  a.atom.element = element_of(row[kSymbol], where);
  a.atom.mass_number = mass_number(row[kSymbol]);
  a.location = row[kLocation];
  for (std::size_t k = 0; k < 3; ++k)
    a.position[k] = finite_number(plain_number(row[kX + k]), where, "a coordinate");
  if (!a.location.empty() && !row[kOccupancy].empty())
    a.occupancy = finite_number(plain_number(row[kOccupancy]), where, "the occupancy");
  return a;
}

std::unique_ptr<CifFile> parse_cif(std::string_view text, const std::string& origin) {
  try {
    return std::make_unique<CifFile>(text, origin);
  } catch (const std::exception& error) {
    throw DataError("{}: not a CIF file: {}", origin, error.what());
  }
}

}  // namespace

Molecule parse_mmcif(std::string_view text, const std::string& origin) {
  const auto file = parse_cif(text, origin);
  std::vector<LocatedAtom> atoms;
  std::vector<std::string> models;
  std::size_t row_number = 0;
  file->for_each_row("_atom_site.", kColumns, [&](const Row& row) {
    const std::string where = fmt::format("{}: row {} of _atom_site", origin, ++row_number);
    if (models.empty() || models.back() != row[kModel]) models.push_back(row[kModel]);
    if (models.size() > 1) return;
    atoms.push_back(atom_of(row, where));
    if (atoms.size() > kMostAtoms) throw DataError("{}: more than {} atoms", where, kMostAtoms);
  });
  if (atoms.empty()) {
    throw DataError(
        "{}: no atoms: expected a loop of _atom_site with Cartn_x, Cartn_y, Cartn_z, type_symbol and "
        "label_atom_id, as "
        "mmCIF files have (not a crystal's fractional coordinates)",
        origin);
  }
  Molecule molecule = molecule_of(atoms, origin);
  std::array<double, 3> edges{};
  constexpr std::array tags{"_cell.length_a", "_cell.length_b", "_cell.length_c"};
  for (std::size_t k = 0; k < 3; ++k) edges[k] = number_in(plain_number(file->value(tags[k]))).value_or(0);
  note_cell(molecule, origin, edges[0], edges[1], edges[2]);
  note_first_of(molecule, models.size(), "models");
  return molecule;
}

}  // namespace equibolt
