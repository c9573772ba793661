#include "observables/observable.h"

#include <fmt/ranges.h>

#include <cassert>
#include <cmath>
#include <sstream>

#include "equibolt/error.h"
#include "observables/kinds.h"

namespace equibolt {
namespace {

Observable of_dihedral(const NamedDihedral& named) {
  return {.name = named.name,
          .definition = fmt::format("dihedral {}", fmt::join(named.atoms, " ")),
          .unit = "rad",
          .periodic = true,
          .evaluate = [atoms = named.atoms](ConfigurationsView<const double> x, std::span<double> values) {
            for (std::size_t b = 0; b < x.count(); ++b) values[b] = dihedral(x[b], atoms);
          }};
}

std::string without_blanks(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\n"), last = text.find_last_not_of(" \t\n");
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

std::string names_of(const std::vector<Observable>& observables) {
  std::vector<std::string_view> names;
  for (const Observable& o : observables) names.push_back(o.name);
  return names.empty() ? "none" : fmt::format("only {}", fmt::join(names, ", "));
}

}  // namespace

ObservedSystem observed_system(const SystemSpec& spec) {
  ObservedSystem system = unnamed_system(spec.particles, spec.dim);
  if (const MoleculeOptions* options = molecule_options_of(spec)) {
    system.molecule = load_molecule(options->structure);
    require_molecule_shape(*system.molecule, spec.particles, spec.dim);
    system.types = particle_types_of(*system.molecule, options->types);
    for (const NamedDihedral& named : dihedrals_of(*system.molecule, options->dihedrals))
      system.named.push_back(of_dihedral(named));
  } else if (!std::holds_alternative<OwnEnergy>(spec.kind)) {
    system.types = make_energy(spec)->types();
  } else if (const auto& own = std::get<OwnEnergy>(spec.kind); own.prototype) {
    system.types = own.prototype->types();
  }
  for (Observable& observable : parse_observables(system, spec.observables, "system.observables"))
    system.named.push_back(std::move(observable));
  return system;
}

ObservedSystem unnamed_system(std::size_t particles, std::size_t dim) {
  ObservedSystem system{particles, dim, ParticleTypes(particles), std::nullopt, {}};
  for (std::size_t i = 0; i < particles; ++i) system.types[i] = static_cast<int>(i);
  return system;
}

Observable parse_observable(const ObservedSystem& system, const std::string& text, std::string_view what) {
  const auto colon = text.find(": ");  // the name's is followed by a blank, those of atoms are not
  const std::string name = colon == std::string::npos ? "" : without_blanks(text.substr(0, colon));
  const std::string body = without_blanks(colon == std::string::npos ? text : text.substr(colon + 2));
  if (body.empty() || (colon != std::string::npos && (name.empty() || name.find(' ') != std::string::npos))) {
    throw UsageError(
        "{}: expected a name, or \"name: kind of observable\", as in \"r: distance 0 3\", found '{}'", what,
        text);
  }
  if (name.empty()) {
    for (const Observable& known : system.named) {
      if (known.name == body) return known;
    }
  }
  std::optional<Observable> made;
  try {
    made = make_observable(system, body);
  } catch (const UsageError& error) {
    throw UsageError("{}: '{}': {}", what, text, error.what());
  }
  if (!made) {
    throw UsageError(
        "{}: '{}': there is no observable of that name (the config names {}), and no such kind: expected {}",
        what, text, names_of(system.named), fmt::join(observable_kinds(), ", "));
  }
  if (!name.empty()) made->name = name;
  return *made;
}

std::vector<Observable> parse_observables(const ObservedSystem& system, const std::string& text,
                                          std::string_view what) {
  std::vector<Observable> observables;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    Observable observable = parse_observable(system, part, what);
    for (const Observable& other : observables) {
      if (other.name == observable.name)
        throw UsageError("{}: there are two observables of the name '{}'", what, observable.name);
    }
    observables.push_back(std::move(observable));
  }
  return observables;
}

ObservedValues values_of(const Observable& observable, ConfigurationsView<const double> x,
                         const std::vector<bool>& look, ThreadPool& pool) {
  assert(!observable.is_energy() && look.size() == x.count());
  const std::size_t each = observable.per_sample;
  ObservedValues observed{std::vector<double>(x.count() * each, std::nan("")), each, observable.periodic};
  constexpr std::size_t chunk_size = 256;
  pool.for_chunks(x.count(), chunk_size, [&](const ThreadPool::Chunk& chunk) {
    // Runs of configurations that are looked at.
    const std::size_t end = chunk.first + chunk.count;
    for (std::size_t first = chunk.first; first < end;) {
      std::size_t last = first;
      while (last < end && look[last]) ++last;
      if (last > first) {
        observable.evaluate(x.slice(first, last - first),
                            std::span(observed.values).subspan(first * each, (last - first) * each));
      }
      first = last + 1;
    }
  });
  return observed;
}

}  // namespace equibolt
