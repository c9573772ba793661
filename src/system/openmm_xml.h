#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace equibolt {

/// What a serialized OpenMM System says of itself.
struct OpenMmXml {
  /// One <Force> element of the System.
  struct Force {
    std::string type;    ///< "CMAPTorsionForce"
    std::size_t first;   ///< where the element begins in the text, in bytes
    std::size_t length;  ///< of the element
  };

  std::string version;         ///< of the format of System; empty where the file has none
  std::string openmm_version;  ///< the OpenMM that wrote it, "8.1.2"; empty where the file does not say
  std::vector<Force> forces;
};

/// Looks through the text of an OpenMM System file before OpenMM reads it, since its reader crashes on other
/// serialized objects and on deep nesting, and takes "1,008" for 1. Throws DataError that says what the file
/// is instead of a System, and how to make one: a State, an Integrator, a Force, a force field, an AMBER
/// prmtop, compressed, empty; or the line where it is no XML, nests too deep, or has a decimal comma.
OpenMmXml inspect_openmm_xml(std::string_view text, const std::string& name);

}  // namespace equibolt
