#pragma once

#include <map>
#include <string>

namespace equibolt {

/// The files of systems/, built into the program by builtin_files.cmake: text by name.
const std::map<std::string, std::string>& builtin_structures();      ///< *.pdb
const std::map<std::string, std::string>& builtin_openmm_systems();  ///< *.xml

}  // namespace equibolt
