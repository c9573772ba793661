#include "io/mmcif.h"

// The one file that knows gemmi, whose grammar takes long to compile.
#include <fmt/format.h>

#include <array>
#include <gemmi/cif.hpp>
#include <vector>

#include "chemistry/elements.h"
#include "equibolt/error.h"
#include "io/located_atom.h"
#include "io/text_lines.h"

namespace equibolt {
namespace {

namespace cif = gemmi::cif;

cif::Document parse(std::string_view text, const std::string& origin) {
  try {
    return cif::read_memory(text.data(), text.size(), origin.c_str());
  } catch (const std::exception& error) {
    throw DataError("{}: not a CIF file: {}", origin, error.what());
  }
}

/// The tags of _atom_site that are read; those with '?' need not be there.
enum Tag {
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
const std::vector<std::string> kTags{"Cartn_x",        "Cartn_y",       "Cartn_z",
                                     "type_symbol",    "label_atom_id", "?auth_comp_id",
                                     "?label_comp_id", "?auth_asym_id", "?label_asym_id",
                                     "?auth_seq_id",   "?label_seq_id", "?pdbx_PDB_ins_code",
                                     "?label_alt_id",  "?occupancy",    "?pdbx_PDB_model_num"};

/// Without its standard uncertainty, "31.3" of "31.3(2)".
std::string plain_number(const std::string& text) {
  return text.substr(0, text.find('('));
}

/// A value without its quotation marks; empty for "." and "?".
std::string value(const cif::Table::Row& row, Tag tag) {
  return row.has(tag) ? cif::as_string(row[tag]) : "";
}
std::string value(const cif::Table::Row& row, Tag preferred, Tag otherwise) {
  const std::string text = value(row, preferred);
  return text.empty() ? value(row, otherwise) : text;
}

LocatedAtom atom_of(const cif::Table::Row& row, const std::string& where) {
  LocatedAtom a;
  a.atom.name = value(row, kName);
  a.atom.residue = value(row, kResidue, kLabelResidue);
  a.atom.chain = value(row, kChain, kLabelChain);
  const std::string number = value(row, kNumber, kLabelNumber) + value(row, kInsertionCode);
  if (!number.empty()) a.atom.residue_number = number;
  const std::string symbol = value(row, kSymbol);
  a.atom.element = element_of(symbol, where);
  a.atom.mass_number = mass_number(symbol);
  a.location = value(row, kLocation);
  for (std::size_t k = 0; k < 3; ++k)
    a.position[k] = finite_number(plain_number(value(row, static_cast<Tag>(kX + k))), where, "a coordinate");
  const std::string occupancy = value(row, kOccupancy);
  if (!a.location.empty() && !occupancy.empty())
    a.occupancy = finite_number(occupancy, where, "the occupancy");
  return a;
}

/// The block's cell; zeros where it has none.
std::array<double, 3> cell_edges(const cif::Block& block) {
  std::array<double, 3> edges{};
  constexpr std::array tags{"_cell.length_a", "_cell.length_b", "_cell.length_c"};
  for (std::size_t k = 0; k < 3; ++k) {
    const std::string* found = block.find_value(tags[k]);
    if (found != nullptr) edges[k] = number_in(plain_number(cif::as_string(*found))).value_or(0);
  }
  return edges;
}

}  // namespace

Molecule parse_mmcif(std::string_view text, const std::string& origin) {
  cif::Document document = parse(text, origin);
  for (cif::Block& block : document.blocks) {
    cif::Table table = block.find("_atom_site.", kTags);
    if (!table.ok()) continue;
    std::vector<LocatedAtom> atoms;
    std::vector<std::string> models;
    std::size_t row_number = 0;
    for (const auto& row : table) {
      const std::string where = fmt::format("{}: row {} of _atom_site", origin, ++row_number);
      const std::string of_model = value(row, kModel);
      if (models.empty() || models.back() != of_model) models.push_back(of_model);
      if (models.size() > 1) continue;
      atoms.push_back(atom_of(row, where));
      if (atoms.size() > kMostAtoms) throw DataError("{}: more than {} atoms", where, kMostAtoms);
    }
    if (atoms.empty()) break;
    Molecule molecule = molecule_of(atoms, origin);
    const auto edges = cell_edges(block);
    note_cell(molecule, origin, edges[0], edges[1], edges[2]);
    note_first_of(molecule, models.size(), "models");
    return molecule;
  }
  throw DataError(
      "{}: no atoms: expected a loop of _atom_site with Cartn_x, Cartn_y, Cartn_z, type_symbol and "
      "label_atom_id, as mmCIF files have (not a crystal's fractional coordinates)",
      origin);
}

}  // namespace equibolt
