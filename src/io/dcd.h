#pragma once

#include "equibolt/configurations.h"
#include "io/atomic_file.h"

namespace equibolt {

/// CHARMM's binary trajectory format, a frame per configuration of x (B, N, 3), Å, without cell; the topology
/// comes from a PDB or xyz file.
Bytes dcd_bytes(ConfigurationsView<const float> x);

}  // namespace equibolt
