#include "io/pdb.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <vector>

#include "chemistry/elements.h"
#include "equibolt/error.h"
#include "io/located_atom.h"
#include "io/text_lines.h"

namespace equibolt {
namespace {

/// Columns of a record, counted from 1, both inclusive (wwPDB format 3.3).
struct Columns {
  std::size_t first, last;
};
constexpr Columns kName{13, 16}, kLocation{17, 17}, kChain{22, 22}, kResidueNumber{23, 26},
    kInsertionCode{27, 27}, kOccupancy{55, 60}, kElement{77, 78};
constexpr Columns kResidue{18, 21};  // the format has three letters; the fourth is CHARMM's and Amber's
constexpr std::array<Columns, 3> kPosition{{{31, 38}, {39, 46}, {47, 54}}};
constexpr std::array<Columns, 3> kCellEdges{{{7, 15}, {16, 24}, {25, 33}}};

/// Without blanks.
std::string_view field(std::string_view line, Columns columns) {
  if (line.size() < columns.first) return {};
  return trimmed(line.substr(columns.first - 1, columns.last - columns.first + 1));
}

bool is_letter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0;
}

/// The letters that a text begins with.
std::string_view leading_letters(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_letter);
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

/// Residues whose atoms are H, C, N, O, S and P, so that a name's first letter is the element.
bool has_one_letter_elements(std::string_view residue) {
  constexpr std::array known{"ALA", "ARG", "ASN", "ASP", "CYS", "GLN", "GLU", "GLY", "HIS", "ILE",
                             "LEU", "LYS", "MET", "PHE", "PRO", "SER", "THR", "TRP", "TYR", "VAL",
                             "ASH", "CYM", "CYX", "GLH", "HID", "HIE", "HIP", "HSD", "HSE", "HSP",
                             "LYN", "ACE", "NME", "NMA", "NH2", "NHE", "A",   "C",   "G",   "U",
                             "DA",  "DC",  "DG",  "DT",  "HOH", "WAT", "SOL", "SPC", "TIP", "TIP3"};
  const auto is_known = [&](std::string_view name) {
    return std::find(known.begin(), known.end(), name) != known.end();
  };
  const bool terminal =
      residue.size() == 4 && (residue.front() == 'N' || residue.front() == 'C');  // Amber's NALA
  return is_known(residue) || (terminal && is_known(residue.substr(1)));
}

/// The element's symbol where its columns are empty. Names alone do not tell Cα from calcium, whichever
/// column they begin in: programs differ.
std::string_view symbol_from_name(std::string_view name, std::string_view residue, const std::string& where) {
  const bool digit_first = !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) != 0;
  const auto start = std::find_if(name.begin(), name.end(), is_letter);
  const std::string_view letters =
      leading_letters(name.substr(static_cast<std::size_t>(start - name.begin())));
  const std::string_view one = letters.substr(0, 1), two = letters.substr(0, 2);
  const bool is_ion =
      letters == leading_letters(residue) && letters.size() <= 2 && atomic_number(letters) > 0;
  if (is_ion) return letters;
  if (has_one_letter_elements(residue)) {
    const bool possible = !one.empty() && std::string_view("HCNOSPD").find(one) != std::string_view::npos;
    return possible ? one : letters;  // letters: a virtual site, or an error
  }
  const bool long_hydrogen = name.size() == 4 && name.front() == 'H';
  if (digit_first || long_hydrogen || (atomic_number(two) == 0 && atomic_number(one) > 0)) return one;
  if (letters.size() == 1) return one;
  throw DataError(
      "{}: the element of atom '{}' of residue '{}' is not clear from its name; write it into columns 77-78, "
      "which are "
      "empty",
      where, name, residue);
}

LocatedAtom parse_atom(std::string_view line, const std::string& where) {
  if (line.size() < kPosition[2].last) {
    throw DataError("{}: the line ends before the coordinates (column {})", where, kPosition[2].last);
  }
  LocatedAtom a;
  a.atom.name = field(line, kName);
  a.atom.residue = field(line, kResidue);
  a.atom.chain = field(line, kChain);
  const auto number = fmt::format("{}{}", field(line, kResidueNumber), field(line, kInsertionCode));
  if (!number.empty()) a.atom.residue_number = number;
  a.location = field(line, kLocation);
  std::string_view symbol = field(line, kElement);
  if (symbol.empty() || !is_letter(symbol.front()))  // old files have line numbers there
    symbol = symbol_from_name(a.atom.name, a.atom.residue, where);
  a.atom.element = element_of(symbol, where);
  a.atom.mass_number = mass_number(symbol);
  for (std::size_t k = 0; k < 3; ++k)
    a.position[k] = finite_number(field(line, kPosition[k]), where, "a coordinate");
  const std::string_view occupancy = field(line, kOccupancy);
  if (!a.location.empty() && !occupancy.empty())
    a.occupancy = finite_number(occupancy, where, "the occupancy");
  return a;
}

bool is_record(std::string_view line, std::string_view record) {
  return trimmed(line.substr(0, 6)) == record;
}

/// "12" and "A" of "12A".
std::pair<std::string, std::string> number_and_code(const std::string& number) {
  const bool coded = number.size() > 1 && is_letter(number.back()) &&
                     std::isdigit(static_cast<unsigned char>(number[number.size() - 2])) != 0;
  if (!coded) return {number, ""};
  return {number.substr(0, number.size() - 1), number.substr(number.size() - 1)};
}

/// As much of a text as fits into so many columns, which hold printable ASCII characters.
std::string fitted(std::string_view text, std::size_t width) {
  std::string part(text.substr(0, width));
  std::replace_if(
      part.begin(), part.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return part;
}

}  // namespace

Molecule parse_pdb(std::string_view text, const std::string& origin) {
  std::vector<LocatedAtom> atoms;
  std::string cell, cell_where;
  std::size_t models = 0;
  bool in_model = false;
  TextLines lines(text, origin);
  for (std::string_view line; lines.next(line);) {
    if (is_record(line, "ENDMDL") || is_record(line, "END")) in_model = false;
    if (is_record(line, "CRYST1") && cell.empty()) {
      cell = line;
      cell_where = lines.where();
    }
    if (!is_record(line, "ATOM") && !is_record(line, "HETATM")) continue;
    if (!in_model) ++models;
    in_model = true;
    if (models > 1) continue;
    atoms.push_back(parse_atom(line, lines.where()));
    if (atoms.size() > kMostAtoms) throw DataError("{}: more than {} atoms", lines.where(), kMostAtoms);
  }
  if (atoms.empty()) throw DataError("{}: no atoms: no line begins with ATOM or HETATM, in capitals", origin);
  Molecule molecule = molecule_of(atoms, origin);
  if (!cell.empty()) {
    std::array<double, 3> edges{};
    for (std::size_t k = 0; k < 3; ++k) edges[k] = number_in(field(cell, kCellEdges[k])).value_or(0);
    note_cell(molecule, cell_where, edges[0], edges[1], edges[2]);
  }
  note_first_of(molecule, models, "models");
  return molecule;
}

std::string pdb_text(const Molecule& molecule, ConfigurationsView<const float> x) {
  std::string text;
  for (std::size_t b = 0; b < x.count(); ++b) {
    text += fmt::format("MODEL     {:4}\n", (b + 1) % 10000);
    for (std::size_t i = 0; i < molecule.size(); ++i) {
      const Atom& atom = molecule.atoms[i];
      // Names of up to three characters of one-letter elements begin in the second column.
      const bool shift = element_symbol(atom.element).size() == 1 && atom.name.size() < 4;
      for (std::size_t k = 0; k < 3; ++k) {
        if (!(std::abs(x[b][3 * i + k]) < 999)) {
          throw DataError("configuration {}, atom {}: {} does not fit into a PDB file's columns", b, i,
                          x[b][3 * i + k]);
        }
      }
      const auto [number, code] = number_and_code(atom.residue_number);
      text += fmt::format(
          "ATOM  {:5} {:<4} {:<4}{:1}{:>4}{:1}   {:8.3f}{:8.3f}{:8.3f}  1.00  0.00          {:>2}\n",
          (i + 1) % 100000, fitted(fmt::format("{}{}", shift ? " " : "", atom.name), 4),
          fmt::format("{:>3}", fitted(atom.residue, 4)), fitted(atom.chain, 1),
          fitted(number.substr(number.size() - std::min<std::size_t>(number.size(), 4)), 4), fitted(code, 1),
          x[b][3 * i], x[b][3 * i + 1], x[b][3 * i + 2], element_symbol(atom.element));
    }
    text += "ENDMDL\n";
  }
  return text + "END\n";
}

}  // namespace equibolt
