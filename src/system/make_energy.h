#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <variant>

#include "equibolt/energy.h"
#include "system/double_well.h"
#include "system/harmonic.h"
#include "system/lennard_jones.h"
#include "system/openmm_energy.h"
#include "system/xtb_energy.h"

namespace equibolt {

/// An energy that is a program's own and not built in.
struct OwnEnergy {
  std::string check;  ///< check_of(*prototype): tells whether it is the energy that a run or model is of
  std::shared_ptr<const Energy> prototype;  ///< null where only a file is there to tell of it
};

/// A system as plain data: its shape, and its kind as the parameters of that kind.
struct SystemSpec {
  std::size_t particles = 4;
  std::size_t dim = 2;
  std::variant<HarmonicParameters, DoubleWellParameters, LennardJonesParameters, OpenMmParameters,
               XtbParameters, OwnEnergy>
      kind = DoubleWellParameters{};
  /// What to watch, "r: distance 0 3, gyration" (observables/observable.h); changes no result.
  std::string observables = {};
};

/// What a molecule's energy was given; null for other systems.
inline const MoleculeOptions* molecule_options_of(const SystemSpec& spec) {
  if (const auto* openmm = std::get_if<OpenMmParameters>(&spec.kind)) return &openmm->molecule;
  if (const auto* xtb = std::get_if<XtbParameters>(&spec.kind)) return &xtb->molecule;
  return nullptr;
}

/// The spec of a program's own energy. Throws UsageError for null, fewer than two particles, and types() that
/// do not fit.
SystemSpec own_system(std::shared_ptr<const Energy> energy);

/// The energies of five fixed configurations, six digits of each, as text: a fingerprint of the physics. They
/// are lattices of spacings from 0.15 to 4, so that an energy that refuses some of them ("inf") is still
/// known by the others.
std::string check_of(const Energy& energy);

/// Throws UsageError for parameters that define no distribution, and for an own energy that is not there. An
/// own energy is held to its contract (system/checked_energy.h).
std::unique_ptr<Energy> make_energy(const SystemSpec& spec);

}  // namespace equibolt
