#include "io/structure_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <sstream>
#include <vector>

#include "chemistry/elements.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr std::size_t kMostAtoms = 1000000;

/// A text's lines, counted from 1.
class Lines {
 public:
  Lines(std::string_view text, const std::string& origin) : text_(text), origin_(origin) {}

  bool next(std::string_view& line) {
    if (text_.empty()) return false;
    const auto end = std::min(text_.find('\n'), text_.size());
    line = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    ++number_;
    return true;
  }
  std::string where() const { return fmt::format("{}:{}", origin_, number_); }

 private:
  std::string_view text_;
  const std::string& origin_;
  std::size_t number_ = 0;
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// Columns first … last of a line, counted from 1, without blanks.
std::string_view columns(std::string_view line, std::size_t first, std::size_t last) {
  if (line.size() < first) return {};
  return trimmed(line.substr(first - 1, last - first + 1));
}

template <typename T>
T number_of(std::string_view text, const std::string& where, const char* what) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw DataError("{}: {}: expected a number, found '{}'", where, what, text);
  }
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) throw DataError("{}: {} is not finite", where, what);
  }
  return value;
}

int element_of(std::string_view symbol, const std::string& where) {
  const int number = atomic_number(symbol);
  if (number == 0) throw DataError("{}: '{}' is no element up to Rn", where, symbol);
  return number;
}

/// Old PDB files lack the element's columns: names of one-letter elements then begin in column 14.
std::string_view element_in(std::string_view line) {
  const std::string_view symbol = columns(line, 77, 78);
  if (!symbol.empty() && std::isalpha(static_cast<unsigned char>(symbol.front())) != 0) return symbol;
  std::string_view name = columns(line, 13, 14);
  while (!name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) != 0) name.remove_prefix(1);
  const bool one_letter = line.size() > 12 && (line[12] == ' ' || line[12] == 'H' || line[12] < 'A');
  return one_letter ? name.substr(0, 1) : name;
}

void check_size(const Molecule& molecule) {
  if (molecule.atoms.empty()) throw DataError("{}: no atoms", molecule.origin);
}

}  // namespace

Molecule parse_pdb(std::string_view text, const std::string& origin) {
  Molecule molecule;
  molecule.origin = origin;
  Lines lines(text, origin);
  for (std::string_view line; lines.next(line);) {
    if (line.starts_with("ENDMDL")) break;
    if (!line.starts_with("ATOM  ") && !line.starts_with("HETATM")) continue;
    const std::string where = lines.where();
    if (line.size() < 54) throw DataError("{}: the line ends before the coordinates (column 54)", where);
    // Of alternative locations, the first.
    if (line[16] != ' ' && line[16] != 'A' && line[16] != '1') continue;
    Atom atom;
    atom.element = element_of(element_in(line), where);
    atom.name = columns(line, 13, 16);
    atom.residue = columns(line, 18, 20);
    atom.chain = line[21];
    const std::string_view residue = columns(line, 23, 26);
    atom.residue_number = residue.empty() ? 1 : number_of<int>(residue, where, "the residue's number");
    for (const std::size_t column : {31, 39, 47}) {
      molecule.positions.push_back(
          number_of<double>(columns(line, column, column + 7), where, "a coordinate"));
    }
    molecule.atoms.push_back(std::move(atom));
  }
  check_size(molecule);
  return molecule;
}

Molecule parse_xyz(std::string_view text, const std::string& origin) {
  Molecule molecule;
  molecule.origin = origin;
  Lines lines(text, origin);
  std::string_view line;
  if (!lines.next(line)) throw DataError("{}: empty", origin);
  const auto count = number_of<std::size_t>(trimmed(line), lines.where(), "the number of atoms");
  if (count == 0 || count > kMostAtoms) {
    throw DataError("{}: expected 1 to {} atoms, found {}", lines.where(), kMostAtoms, count);
  }
  lines.next(line);  // the comment
  for (std::size_t i = 0; i < count; ++i) {
    if (!lines.next(line)) throw DataError("{}: {} atoms announced, {} found", origin, count, i);
    std::istringstream stream{std::string(line)};
    const std::vector<std::string> words{std::istream_iterator<std::string>(stream), {}};
    if (words.size() < 4) throw DataError("{}: expected an element and three coordinates", lines.where());
    Atom atom;
    atom.element = element_of(words[0], lines.where());
    atom.name = std::string(element_symbol(atom.element));
    for (std::size_t k = 1; k <= 3; ++k) {
      molecule.positions.push_back(number_of<double>(words[k], lines.where(), "a coordinate"));
    }
    molecule.atoms.push_back(std::move(atom));
  }
  return molecule;
}

Molecule read_structure(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  if (extension == ".pdb") return parse_pdb(read_text_file(path), path.string());
  if (extension == ".xyz") return parse_xyz(read_text_file(path), path.string());
  throw UsageError("{}: expected a structure in a .pdb or .xyz file", path.string());
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
      text +=
          fmt::format("ATOM  {:5} {:<4} {:>3} {}{:4}    {:8.3f}{:8.3f}{:8.3f}  1.00  0.00          {:>2}\n",
                      (i + 1) % 100000, (shift ? " " : "") + atom.name, atom.residue.substr(0, 3), atom.chain,
                      atom.residue_number % 10000, x[b][3 * i], x[b][3 * i + 1], x[b][3 * i + 2],
                      element_symbol(atom.element));
    }
    text += "ENDMDL\n";
  }
  return text + "END\n";
}

std::string xyz_text(const Molecule& molecule, ConfigurationsView<const float> x) {
  std::string text;
  for (std::size_t b = 0; b < x.count(); ++b) {
    text += fmt::format("{}\nconfiguration {}\n", molecule.size(), b);
    for (std::size_t i = 0; i < molecule.size(); ++i) {
      text += fmt::format("{:<2} {:12.6f} {:12.6f} {:12.6f}\n", element_symbol(molecule.atoms[i].element),
                          x[b][3 * i], x[b][3 * i + 1], x[b][3 * i + 2]);
    }
  }
  return text;
}

Bytes dcd_bytes(ConfigurationsView<const float> x) {
  Bytes bytes;
  // Fortran's unformatted records: the length, the content, the length again.
  const auto record = [&bytes](const void* data, std::size_t size) {
    const auto length = static_cast<std::int32_t>(size);
    const auto* content = static_cast<const std::uint8_t*>(data);
    const auto* ends = reinterpret_cast<const std::uint8_t*>(&length);
    bytes.insert(bytes.end(), ends, ends + sizeof length);
    bytes.insert(bytes.end(), content, content + size);
    bytes.insert(bytes.end(), ends, ends + sizeof length);
  };
  std::vector<std::uint8_t> header(84, 0);
  const auto put = [&header](std::size_t slot, auto value) { std::memcpy(&header[4 * slot], &value, 4); };
  std::memcpy(header.data(), "CORD", 4);
  put(1, static_cast<std::int32_t>(x.count()));
  put(2, std::int32_t{1});  // first step
  put(3, std::int32_t{1});  // steps between frames
  put(4, static_cast<std::int32_t>(x.count()));
  put(10, 1.0F);              // the time step, which samples have none of
  put(20, std::int32_t{24});  // CHARMM's version: its format
  record(header.data(), header.size());
  std::vector<std::uint8_t> title(84, ' ');
  const std::int32_t titles = 1;
  std::memcpy(title.data(), &titles, 4);
  std::memcpy(&title[4], "equibolt", 8);
  record(title.data(), title.size());
  const auto atoms = static_cast<std::int32_t>(x.particles());
  record(&atoms, sizeof atoms);
  std::vector<float> coordinate(x.particles());
  for (std::size_t b = 0; b < x.count(); ++b) {
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t i = 0; i < x.particles(); ++i) coordinate[i] = x[b][3 * i + k];
      record(coordinate.data(), coordinate.size() * sizeof(float));
    }
  }
  return bytes;
}

void write_trajectory(const std::filesystem::path& path, const Molecule& molecule,
                      ConfigurationsView<const float> x) {
  if (x.particles() != molecule.size() || x.dim() != 3) {
    throw DataError("{}: {} particles in {} dimensions are not {}'s {} atoms", path.string(), x.particles(),
                    x.dim(), molecule.origin, molecule.size());
  }
  const std::string extension = path.extension().string();
  if (extension == ".pdb") return write_file(path, std::string_view(pdb_text(molecule, x)));
  if (extension == ".xyz") return write_file(path, std::string_view(xyz_text(molecule, x)));
  if (extension == ".dcd") return write_file(path, std::span<const std::uint8_t>(dcd_bytes(x)));
  throw UsageError("{}: expected .pdb, .xyz or .dcd", path.string());
}

}  // namespace equibolt
