#pragma once

#include <span>

#include "equibolt/configurations.h"
#include "equibolt/energy.h"

namespace equibolt {

/// Moves each x_b (B, N, D), mean-free, downhill until particles no longer overlap: steepest descent in which
/// no coordinate moves by more than a tenth of a length unit, less and less. The end is no minimum, but a
/// place from which dynamics can start. Writes energy (B,) and gradient (B, N, D) at the end.
void relax(Energy& energy, ConfigurationsView<double> x, std::span<double> energies,
           ConfigurationsView<double> gradient);

}  // namespace equibolt
