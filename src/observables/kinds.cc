#include "observables/kinds.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <sstream>

#include "chemistry/collective_variables.h"
#include "chemistry/dihedral.h"
#include "equibolt/error.h"
#include "io/configurations_file.h"
#include "io/npy.h"
#include "system/molecule_options.h"
#include "transport/structure_distance.h"

namespace equibolt {
namespace {

using Words = std::vector<std::string>;
using View = ConfigurationsView<const double>;

/// The index of the particle that `word` names.
std::size_t particle_of(const ObservedSystem& system, const std::string& word) {
  if (system.molecule) return system.molecule->atom(word);
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), index);
  if (error != std::errc() || end != word.data() + word.size() || index >= system.particles) {
    throw UsageError("expected the index of a particle, 0 to {}, found '{}'", system.particles - 1, word);
  }
  return index;
}

/// So many different particles.
std::vector<std::size_t> particles_of(const ObservedSystem& system, const Words& words, std::size_t count) {
  if (words.size() != count) throw UsageError("expected {} particles, found {}", count, words.size());
  std::vector<std::size_t> particles;
  for (const std::string& word : words) {
    particles.push_back(particle_of(system, word));
    if (std::count(particles.begin(), particles.end(), particles.back()) > 1)
      throw UsageError("particle {} is named twice", word);
  }
  return particles;
}

void require_no_arguments(const Words& words) {
  if (!words.empty()) throw UsageError("expected nothing behind it, found '{}'", fmt::join(words, " "));
}

std::string length_unit(const ObservedSystem& system) {
  return system.molecule ? "Å" : "";
}

/// An observable whose value is value(x) of one configuration.
template <typename Value>
Observable of_one(std::string unit, Value value) {
  Observable observable;
  observable.unit = std::move(unit);
  observable.evaluate = [value](View x, std::span<double> values) {
    for (std::size_t b = 0; b < x.count(); ++b) values[b] = value(x[b]);
  };
  return observable;
}

Observable make_dihedral(const ObservedSystem& system, const Words& words) {
  const auto p = particles_of(system, words, 4);
  if (system.dim != 3) throw UsageError("dihedral angles need 3 dimensions, not {}", system.dim);
  const DihedralAtoms atoms{p[0], p[1], p[2], p[3]};
  Observable observable = of_one("rad", [atoms](std::span<const double> x) { return dihedral(x, atoms); });
  observable.periodic = true;
  return observable;
}

Observable make_angle(const ObservedSystem& system, const Words& words) {
  const auto p = particles_of(system, words, 3);
  return of_one("rad", [p, dim = system.dim](std::span<const double> x) {
    return bond_angle(x, dim, p[0], p[1], p[2]);
  });
}

Observable make_distance(const ObservedSystem& system, const Words& words) {
  const auto p = particles_of(system, words, 2);
  return of_one(length_unit(system),
                [p, dim = system.dim](std::span<const double> x) { return distance(x, dim, p[0], p[1]); });
}

Observable make_distances(const ObservedSystem& system, const Words& words) {
  require_no_arguments(words);
  Observable observable;
  observable.unit = length_unit(system);
  observable.per_sample = system.particles * (system.particles - 1) / 2;
  observable.evaluate = [pairs = observable.per_sample](View x, std::span<double> values) {
    for (std::size_t b = 0; b < x.count(); ++b)
      pair_distances(x[b], x.dim(), values.subspan(b * pairs, pairs));
  };
  return observable;
}

Observable make_gyration(const ObservedSystem& system, const Words& words) {
  require_no_arguments(words);
  return of_one(length_unit(system),
                [dim = system.dim](std::span<const double> x) { return radius_of_gyration(x, dim); });
}

Observable make_coordination(const ObservedSystem& system, Words words) {
  double r0 = 0;
  if (!words.empty()) {
    const std::string& word = words.back();
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), r0);
    if (error != std::errc() || end != word.data() + word.size()) r0 = 0;
  }
  if (!(r0 > 0 && std::isfinite(r0))) {
    throw UsageError(
        "expected a distance R0 > 0 at the end, as in \"coordination 1.5\" or \"coordination 0 1 with 5 "
        "1.5\"");
  }
  words.pop_back();
  std::vector<std::size_t> all(system.particles);
  std::iota(all.begin(), all.end(), 0U);
  const auto with = std::find(words.begin(), words.end(), "with");
  const Words first(words.begin(), with), second(with == words.end() ? with : with + 1, words.end());
  if (with != words.end() && (first.empty() || second.empty()))
    throw UsageError("expected particles before and behind \"with\"");
  const auto centres = first.empty() ? all : particles_of(system, first, first.size());
  const auto others = second.empty() ? all : particles_of(system, second, second.size());
  return of_one("", [=, dim = system.dim](std::span<const double> x) {
    return coordination_number(x, dim, centres, others, r0);
  });
}

/// (N, D): from a structure of the same elements, or the first configuration of a file of arrays.
std::vector<double> reference_of(const ObservedSystem& system, const std::string& file) {
  std::string ending = std::filesystem::path(file).extension().string();
  if (ending == ".npy" || ending == ".npz") {
    const auto x = read_configurations(file, system.particles, system.dim);
    return {x[0].begin(), x[0].end()};
  }
  const Molecule structure = load_molecule(file);
  if (structure.size() != system.particles || system.dim != 3) {
    throw UsageError("{} has {} atoms in 3 dimensions, but there are {} particles in {}", file,
                     structure.size(), system.particles, system.dim);
  }
  if (system.molecule && structure.elements() != system.molecule->elements())
    throw UsageError("the elements in {} are not those of {}, in this order", file, system.molecule->origin);
  return structure.positions;
}

Observable make_rmsd(const ObservedSystem& system, const Words& words) {
  if (words.size() != 1)
    throw UsageError("expected one file, with a structure or configurations, found {}", words.size());
  Observable observable;
  observable.unit = length_unit(system);
  observable.evaluate = [reference = reference_of(system, words[0]), types = system.types, dim = system.dim,
                         reflections = !system.molecule](View x, std::span<double> values) {
    StructureDistance deviation(reference, types, dim, reflections);
    for (std::size_t b = 0; b < x.count(); ++b) values[b] = deviation(x[b]);
  };
  return observable;
}

Observable make_energy_observable(const ObservedSystem&, const Words& words) {
  require_no_arguments(words);
  Observable observable;
  observable.unit = "kT";
  return observable;
}

struct Kind {
  std::string_view name;
  Observable (*make)(const ObservedSystem&, const Words&);
};
constexpr std::array kKinds{
    Kind{"dihedral", make_dihedral},
    Kind{"angle", make_angle},
    Kind{"distance", make_distance},
    Kind{"distances", make_distances},
    Kind{"gyration", make_gyration},
    Kind{"rmsd", make_rmsd},
    Kind{"coordination", [](const ObservedSystem& s, const Words& w) { return make_coordination(s, w); }},
    Kind{"energy", make_energy_observable}};

}  // namespace

std::vector<std::string_view> observable_kinds() {
  std::vector<std::string_view> names;
  for (const Kind& kind : kKinds) names.push_back(kind.name);
  return names;
}

std::optional<Observable> make_observable(const ObservedSystem& system, const std::string& definition) {
  std::istringstream stream(definition);
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  if (words.empty()) return std::nullopt;
  const auto kind = std::ranges::find(kKinds, words[0], &Kind::name);
  if (kind == kKinds.end()) return std::nullopt;
  const Words arguments(words.begin() + 1, words.end());
  Observable observable = kind->make(system, arguments);
  observable.definition = fmt::format("{}", fmt::join(words, " "));
  observable.name = fmt::format("{}", fmt::join(words, "-"));
  return observable;
}

}  // namespace equibolt
