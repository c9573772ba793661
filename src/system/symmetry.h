#pragma once

#include <cstddef>
#include <cstdint>

#include "equibolt/configurations.h"
#include "equibolt/energy.h"

namespace equibolt {

/// Checks on configurations x (B, N, D) that U is unchanged by translations, rotations, reflections, and
/// permutations within the energy's own types: the symmetries that the flow will have. Throws UsageError that
/// names the symmetry and the configuration where U changes by more than 1e-8 (1 + |U|) and the energy's
/// symmetry_noise. Configurations without an energy are passed over.
void require_invariance(Energy& energy, ConfigurationsView<const double> x, std::uint64_t seed);

}  // namespace equibolt
