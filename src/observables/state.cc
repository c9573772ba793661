#include "observables/state.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "equibolt/error.h"
#include "system/molecule_options.h"

namespace equibolt {
namespace {

/// A number as strtod reads it, which knows inf.
bool read_number(const std::string& word, double& value) {
  char* end = nullptr;
  value = std::strtod(word.c_str(), &end);
  return end == word.c_str() + word.size() && !word.empty() && value == value;
}

Range parse_range(const std::vector<Observable>& observables, const std::string& part,
                  const std::string& text, std::string_view what) {
  std::istringstream words(part);
  std::string name, low, high, rest;
  Range range;
  if (!(words >> name >> low >> high) || (words >> rest) || !read_number(low, range.arc.low) ||
      !read_number(high, range.arc.high)) {
    throw UsageError(
        "{}: expected the name of an observable and two numbers, as in \"phi 0 2\" or \"phi 0 2, psi -1 1\", "
        "found '{}'",
        what, text);
  }
  const auto found = std::ranges::find(observables, name, &Observable::name);
  if (found == observables.end()) {
    std::vector<std::string_view> names;
    for (const Observable& o : observables) names.push_back(o.name);
    throw UsageError("{}: no observable is called '{}'; there are {}", what, name,
                     names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
  }
  if (found->per_sample != 1) {
    throw UsageError("{}: '{}' has {} values of each sample, so that no range of it is a state", what, name,
                     found->per_sample);
  }
  range.observable = name;
  range.periodic = found->periodic;
  if (range.periodic) {
    range.arc = arc_between(range.arc.low, range.arc.high, what, text);
  } else if (!(range.arc.low < range.arc.high)) {
    throw UsageError("{}: expected two numbers low < high, found '{}'", what, text);
  }
  return range;
}

}  // namespace

State parse_state(const std::vector<Observable>& observables, const std::string& text,
                  std::string_view what) {
  State state{text, {}};
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');)
    state.ranges.push_back(parse_range(observables, part, text, what));
  if (state.ranges.empty()) (void)parse_range(observables, "", text, what);
  return state;
}

}  // namespace equibolt
