#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace equibolt {

/// What a config for a molecule is to be made from.
struct MoleculeRequest {
  std::string structure;       ///< a file, or the name of a built-in structure
  std::string energy = "xtb";  ///< "xtb", or "openmm:SYSTEM" with the file of an OpenMM System (XML)
  std::string solvent;         ///< of xtb; empty: vacuum
  int charge = 0;              ///< of xtb
};

struct MoleculeConfig {
  std::string text;                  ///< TOML with comments
  std::vector<std::string> remarks;  ///< what was found in the structure, for the user
};

/// A config that runs all stages for the molecule, with the torsions as observables, to be written to `file`,
/// from whose folder its paths are meant. Reads the structure. Throws UsageError and as read_structure.
MoleculeConfig molecule_config(const MoleculeRequest& request, const std::filesystem::path& file);

}  // namespace equibolt
