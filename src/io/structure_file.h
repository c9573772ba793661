#pragma once

#include <filesystem>

#include "chemistry/molecule.h"
#include "equibolt/configurations.h"

namespace equibolt {

/// The molecule in a file of one of the formats that are read (pdb.h, mmcif.h, xyz.h), by the file's ending
/// in any case; with .gz after it the file is compressed. Throws IoError, DataError, or UsageError for
/// another ending.
Molecule read_structure(const std::filesystem::path& path);

/// A trajectory of x (B, N, 3), Å, that VMD, MDAnalysis and mdtraj open: .pdb, .xyz or .dcd. Throws
/// UsageError for another ending, IoError.
void write_trajectory(const std::filesystem::path& path, const Molecule& molecule,
                      ConfigurationsView<const float> x);

}  // namespace equibolt
