#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <variant>

#include "equibolt/energy.h"
#include "system/double_well.h"
#include "system/harmonic.h"
#include "system/lennard_jones.h"

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
  std::variant<HarmonicParameters, DoubleWellParameters, LennardJonesParameters, OwnEnergy> kind =
      DoubleWellParameters{};
};

/// The spec of a program's own energy.
SystemSpec own_system(std::shared_ptr<const Energy> energy);

/// The energies of some fixed configurations as text: a fingerprint of the physics.
std::string check_of(const Energy& energy);

/// Throws UsageError for parameters that define no distribution, and for an own energy that is not there.
std::unique_ptr<Energy> make_energy(const SystemSpec& spec);

}  // namespace equibolt
