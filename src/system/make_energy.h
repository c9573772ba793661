#pragma once

#include <cstddef>
#include <memory>
#include <variant>

#include "system/double_well.h"
#include "system/energy.h"
#include "system/harmonic.h"
#include "system/lennard_jones.h"

namespace equibolt {

/// A built-in system as plain data: its shape, and its kind as the parameters of that kind.
struct SystemSpec {
  std::size_t particles = 4;
  std::size_t dim = 2;
  std::variant<HarmonicParameters, DoubleWellParameters, LennardJonesParameters> kind =
      DoubleWellParameters{};
};

/// Throws UsageError for parameters that define no distribution.
std::unique_ptr<Energy> make_energy(const SystemSpec& spec);

}  // namespace equibolt
