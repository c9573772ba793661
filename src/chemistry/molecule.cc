#include "chemistry/molecule.h"

#include <algorithm>
#include <charconv>

#include "chemistry/elements.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

bool parse_whole(std::string_view text, std::size_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::vector<int> Molecule::elements() const {
  std::vector<int> numbers;
  for (const Atom& a : atoms) numbers.push_back(a.element);
  return numbers;
}

std::vector<double> Molecule::masses() const {
  std::vector<double> values;
  for (const Atom& a : atoms) values.push_back(atomic_mass(a.element));
  return values;
}

std::size_t Molecule::atom(std::string_view text) const {
  std::size_t index = 0;
  if (parse_whole(text, index)) {
    if (index < size()) return index;
    throw UsageError("{}: atom {}: expected an index below {}", origin, index, size());
  }
  std::string_view name = text;
  std::size_t residue = 0;
  const auto colon = text.find(':');
  const bool with_residue = colon != std::string_view::npos && parse_whole(text.substr(0, colon), residue);
  if (with_residue) name = text.substr(colon + 1);
  std::vector<std::size_t> found;
  std::vector<std::string> known;
  for (std::size_t i = 0; i < size(); ++i) {
    known.push_back(fmt::format("{}:{}", atoms[i].residue_number, atoms[i].name));
    const bool fits = !with_residue || atoms[i].residue_number == static_cast<int>(residue);
    if (fits && atoms[i].name == name) found.push_back(i);
  }
  if (found.size() == 1) return found.front();
  throw UsageError("{}: {} atoms are called '{}', expected one; there are {}", origin, found.size(), text,
                   fmt::join(known, " "));
}

Bonds bonds_of(const std::vector<int>& elements, const double* x, double scale) {
  Bonds bonds;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    for (std::size_t j = i + 1; j < elements.size(); ++j) {
      const double reach = scale * (covalent_radius(elements[i]) + covalent_radius(elements[j]));
      double square = 0;
      for (std::size_t k = 0; k < 3; ++k)
        square += (x[3 * i + k] - x[3 * j + k]) * (x[3 * i + k] - x[3 * j + k]);
      if (square < reach * reach) bonds.emplace_back(i, j);
    }
  }
  return bonds;
}

std::vector<std::vector<std::size_t>> neighbours_of(std::size_t atoms, const Bonds& bonds) {
  std::vector<std::vector<std::size_t>> neighbours(atoms);
  for (const auto& [i, j] : bonds) {
    neighbours[i].push_back(j);
    neighbours[j].push_back(i);
  }
  for (auto& list : neighbours) std::sort(list.begin(), list.end());
  return neighbours;
}

}  // namespace equibolt
