#include "chemistry/molecule.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

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
  for (const Atom& a : atoms) values.push_back(atomic_mass(a.element, a.mass_number));
  return values;
}

std::string Molecule::formula() const {
  std::map<std::string_view, std::size_t> counts;
  for (const Atom& a : atoms) ++counts[element_symbol(a.element)];
  std::string text;
  const auto put = [&](std::string_view symbol) {
    const auto found = counts.find(symbol);
    if (found == counts.end()) return;
    text += symbol;
    if (found->second > 1) text += fmt::format("{}", found->second);
    counts.erase(found);
  };
  if (counts.contains("C")) {
    put("C");
    put("H");
  }
  while (!counts.empty()) put(counts.begin()->first);
  return text;
}

std::string Molecule::name_of(std::size_t atom) const {
  return fmt::format("{}:{}", atoms[atom].residue_number, atoms[atom].name);
}

std::size_t Molecule::atom(std::string_view text) const {
  std::size_t index = 0;
  if (parse_whole(text, index)) {
    if (index < size()) return index;
    throw UsageError("{}: atom {}: expected an index below {} (they count from 0)", origin, index, size());
  }
  const auto colon = text.rfind(':');
  const std::string_view name = colon == std::string_view::npos ? text : text.substr(colon + 1);
  std::optional<std::string_view> chain, residue;
  if (colon != std::string_view::npos) {
    residue = text.substr(0, colon);
    if (const auto slash = residue->find('/'); slash != std::string_view::npos) {
      chain = residue->substr(0, slash);
      residue = residue->substr(slash + 1);
    }
  }
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < size(); ++i) {
    const Atom& a = atoms[i];
    if (a.name == name && (!residue || a.residue_number == *residue) && (!chain || a.chain == *chain))
      found.push_back(i);
  }
  if (found.size() == 1) return found.front();
  constexpr std::size_t most_listed = 100;
  std::vector<std::string> listed;
  for (std::size_t k = 0; k < (found.empty() ? size() : found.size()) && k < most_listed; ++k) {
    const std::size_t i = found.empty() ? k : found[k];
    listed.push_back(found.empty() ? name_of(i) : fmt::format("{} ({}/{})", i, atoms[i].chain, name_of(i)));
  }
  if (found.empty()) {
    throw UsageError("{}: no atom is called '{}'; there are {}{}", origin, text, fmt::join(listed, " "),
                     size() > most_listed ? " …" : "");
  }
  throw UsageError("{}: {} atoms are called '{}', expected one; by index (chain/residue:name) they are {}{}",
                   origin, found.size(), text, fmt::join(listed, ", "),
                   found.size() > most_listed ? " …" : "");
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
