#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyze/distribution.h"
#include "chemistry/molecule.h"
#include "core/threads.h"
#include "equibolt/configurations.h"
#include "system/make_energy.h"

namespace equibolt {

/// A function of configurations, with what people and figures call it.
struct Observable {
  std::string name;            ///< "phi"
  std::string definition;      ///< "dihedral 1:C 2:N 2:CA 2:C": parse_observable gives the same from it
  std::string unit;            ///< "rad", "Å", "kT"; empty where lengths have no unit
  bool periodic = false;       ///< an angle in (−π, π]
  std::size_t per_sample = 1;  ///< values of one configuration
  /// x (B, N, D) → values (B, per_sample). May be called by several threads at once. Empty for the energy,
  /// which is not computed here: files of samples have it.
  std::function<void(ConfigurationsView<const double> x, std::span<double> values)> evaluate;

  bool is_energy() const { return !evaluate; }
  /// "phi, rad", for an axis.
  std::string axis() const { return unit.empty() ? name : name + ", " + unit; }
};

/// Whose configurations are observed.
struct ObservedSystem {
  std::size_t particles = 0;
  std::size_t dim = 0;
  ParticleTypes types;               ///< (N,), for the permutations of `rmsd`
  std::optional<Molecule> molecule;  ///< whose atoms have names; lengths are then in Å
  std::vector<Observable> named;     ///< those that the config names
};

/// Of a config's system, with system.dihedrals and system.observables as `named`. Throws UsageError.
ObservedSystem observed_system(const SystemSpec& spec);
/// Of configurations of which nothing else is known: no particles are interchangeable.
ObservedSystem unnamed_system(std::size_t particles, std::size_t dim);

/// One observable: the name of one that the system has, or "[NAME: ]KIND ARGUMENTS" with one of
///   dihedral P P P P       in (−π, π], rad (three dimensions)
///   angle P P P            at the second particle, in [0, π], rad
///   distance P P
///   distances              of all pairs of particles: N (N − 1) / 2 values of each sample
///   gyration               the radius of gyration, of particles of equal mass
///   coordination [P… [with P…]] R0
///                          the mean number of neighbours of the first particles among the others, each
///                          counted by 1 / (1 + (r/R0)⁶) (chemistry/collective_variables.h); without
///                          particles: of all
///   rmsd FILE              from a structure, or from the first configuration of an .npy or .npz file, after
///                          rotation, permutation of interchangeable particles and, without a molecule,
///                          reflection (transport/structure_distance.h)
///   energy
/// A particle P is an index, which counts from 0, or for a molecule what Molecule::atom takes. Without a name
/// it has the kind's, with its particles. Throws UsageError that begins with `what`, as "system.observables".
Observable parse_observable(const ObservedSystem& system, const std::string& text, std::string_view what);
/// Several, separated by commas; each name once.
std::vector<Observable> parse_observables(const ObservedSystem& system, const std::string& text,
                                          std::string_view what);

/// The observable's values (B, per_sample). Configurations for which `look` (B,) is false have NaN.
ObservedValues values_of(const Observable& observable, ConfigurationsView<const double> x,
                         const std::vector<bool>& look, ThreadPool& pool);

}  // namespace equibolt
