#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "chemistry/molecule.h"
#include "equibolt/configurations.h"
#include "io/atomic_file.h"

namespace equibolt {

/// The first model of a PDB file's text. Throws DataError that names `origin`:line for anything that is not a
/// molecule of finite positions and elements up to Rn.
Molecule parse_pdb(std::string_view text, const std::string& origin);
/// The first frame of an xyz file (Å), likewise.
Molecule parse_xyz(std::string_view text, const std::string& origin);

/// Of a .pdb or .xyz file. Throws IoError, DataError, or UsageError for another name.
Molecule read_structure(const std::filesystem::path& path);

// Trajectories of x (B, N, 3), Å, that VMD, MDAnalysis and mdtraj open.

/// A model per configuration. Throws DataError where a number does not fit into its columns.
std::string pdb_text(const Molecule& molecule, ConfigurationsView<const float> x);
/// A frame per configuration.
std::string xyz_text(const Molecule& molecule, ConfigurationsView<const float> x);
/// CHARMM's binary DCD, without cell; topology comes from a PDB or xyz file.
Bytes dcd_bytes(ConfigurationsView<const float> x);

/// By the name: .pdb, .xyz or .dcd. Throws UsageError for another one, IoError.
void write_trajectory(const std::filesystem::path& path, const Molecule& molecule,
                      ConfigurationsView<const float> x);

}  // namespace equibolt
