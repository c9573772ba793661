#include "io/xyz.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <vector>

#include "chemistry/elements.h"
#include "equibolt/error.h"
#include "io/located_atom.h"
#include "io/text_lines.h"

namespace equibolt {
namespace {

/// Where a line has its atom: columns from 0.
struct AtomColumns {
  std::size_t element = 0, position = 1, count = 4;
};

/// The key=value pairs of extended xyz's comment; values may stand in quotation marks. Keys in lower case.
std::map<std::string, std::string> pairs_of(std::string_view comment) {
  std::map<std::string, std::string> pairs;
  for (comment = trimmed(comment); !comment.empty(); comment = trimmed(comment)) {
    const auto end = std::min(comment.find_first_of("= \t"), comment.size());
    std::string key(comment.substr(0, end));
    comment.remove_prefix(end);
    if (!comment.starts_with('=')) continue;
    comment.remove_prefix(1);
    const bool quoted = comment.starts_with('"');
    if (quoted) comment.remove_prefix(1);
    const auto length = std::min(comment.find_first_of(quoted ? "\"" : " \t"), comment.size());
    std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) { return std::tolower(c); });
    pairs[key] = comment.substr(0, length);
    comment.remove_prefix(std::min(length + (quoted ? 1 : 0), comment.size()));
  }
  return pairs;
}

/// "species:S:1:pos:R:3:forces:R:3".
AtomColumns columns_of(const std::string& properties, const std::string& where) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= properties.size();) {
    const auto end = std::min(properties.find(':', from), properties.size());
    parts.push_back(properties.substr(from, end - from));
    from = end + 1;
  }
  constexpr std::size_t unknown = static_cast<std::size_t>(-1);
  AtomColumns columns{unknown, unknown, 0};
  std::size_t by_number = unknown;
  for (std::size_t k = 0; k + 2 < parts.size(); k += 3) {
    std::size_t width = 0;
    const std::string &name = parts[k], &text = parts[k + 2];
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), width);
    if (error != std::errc() || end != text.data() + text.size() || width > 1000) {
      throw DataError("{}: Properties: expected name:type:columns, found '{}:{}:{}'", where, name,
                      parts[k + 1], text);
    }
    if (name == "species" && width == 1) columns.element = columns.count;
    if ((name == "Z" || name == "numbers") && width == 1) by_number = columns.count;
    if (name == "pos" && width == 3) columns.position = columns.count;
    columns.count += width;
  }
  if (columns.element == unknown) columns.element = by_number;
  if (columns.element == unknown || columns.position == unknown || parts.size() % 3 != 0) {
    throw DataError("{}: Properties: expected species:S:1 (or Z:I:1) and pos:R:3 among them, found '{}'",
                    where, properties);
  }
  return columns;
}

/// By symbol, atomic number or label.
void name_atom(Atom& atom, std::string_view word, const std::string& where) {
  if (is_whole_number(word)) {
    int number = 0;
    std::from_chars(word.data(), word.data() + word.size(), number);
    if (number < 1 || number > last_element)
      throw DataError("{}: expected an atomic number from 1 to {}, found {}", where, last_element, word);
    atom.element = number;
    atom.name = element_symbol(number);
    return;
  }
  const auto digits =
      std::find_if(word.begin(), word.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  const std::string_view symbol = word.substr(0, static_cast<std::size_t>(digits - word.begin()));
  atom.element = element_of(atomic_number(symbol) > 0 ? symbol : word, where);
  atom.mass_number = mass_number(symbol);
  atom.name = digits == word.end() ? element_symbol(atom.element) : word;
}

/// Notes what the first frame is followed by.
void note_rest(Molecule& molecule, TextLines& lines) {
  std::string_view line;
  if (!lines.next(line)) return;
  const auto words = words_of(line);
  if (words.empty()) return;
  const std::string where = lines.where();
  if (words.size() < 4 && is_whole_number(words[0])) {
    molecule.notes.push_back(fmt::format("{}: only the first of several frames is used", molecule.origin));
  } else if (words.size() >= 4 && (is_whole_number(words[0]) || atomic_number(words[0]) > 0)) {
    molecule.notes.push_back(
        fmt::format("{}: more atoms follow than the {} announced in the first line; they are not read", where,
                    molecule.size()));
  }
}

void note_lattice(Molecule& molecule, const std::map<std::string, std::string>& pairs,
                  const std::string& where) {
  const auto found = pairs.find("pbc");
  const bool periodic = found == pairs.end() ? pairs.contains("lattice")
                                             : found->second.find_first_of("Tt1") != std::string::npos;
  if (!periodic) return;
  molecule.notes.push_back(fmt::format(
      "{}: Lattice and pbc are ignored: the molecule is taken as it is, without periodic images", where));
}

}  // namespace

Molecule parse_xyz(std::string_view text, const std::string& origin) {
  Molecule molecule;
  molecule.origin = origin;
  TextLines lines(text, origin);
  std::string_view line;
  if (!lines.next(line)) throw DataError("{}: empty", origin);
  const auto first = words_of(line);  // some programs add words to the number
  std::size_t count = 0;
  if (first.empty() || !is_whole_number(first[0])) {
    throw DataError("{}: expected the number of atoms, found '{}'", lines.where(), trimmed(line));
  }
  const auto [end, error] = std::from_chars(first[0].data(), first[0].data() + first[0].size(), count);
  if (error != std::errc() || count == 0 || count > kMostAtoms) {
    throw DataError("{}: expected 1 to {} atoms, found {}", lines.where(), kMostAtoms, first[0]);
  }
  AtomColumns columns;
  if (lines.next(line)) {
    const auto pairs = pairs_of(line);
    if (const auto found = pairs.find("properties"); found != pairs.end())
      columns = columns_of(found->second, lines.where());
    note_lattice(molecule, pairs, lines.where());
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (!lines.next(line)) throw DataError("{}: {} atoms announced, {} found", origin, count, i);
    const std::string where = lines.where();
    const auto words = words_of(line);
    if (words.size() < columns.count) {
      throw DataError(
          "{}: expected {}, found {} words", where,
          columns.count == 4 ? "an element and three coordinates" : fmt::format("{} columns", columns.count),
          words.size());
    }
    name_atom(molecule.atoms.emplace_back(), words[columns.element], where);
    for (std::size_t k = 0; k < 3; ++k)
      molecule.positions.push_back(finite_number(words[columns.position + k], where, "a coordinate"));
  }
  note_rest(molecule, lines);
  return molecule;
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

}  // namespace equibolt
