# Builds systems/*.pdb and systems/*.xml into the program.
function(builtin_entries out extension)
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/systems/*.${extension})
  set(entries "")
  foreach(file ${files})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} text)
    string(APPEND entries "      {\"${name}\", R\"file(${text})file\"},\n")
  endforeach()
  set(${out} "${entries}" PARENT_SCOPE)
endfunction()
builtin_entries(structures pdb)
builtin_entries(openmm_systems xml)
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/builtin_files.cc @ONLY CONTENT [[
#include "system/builtin_files.h"

namespace equibolt {

const std::map<std::string, std::string>& builtin_structures() {
  static const std::map<std::string, std::string> files{
@structures@  };
  return files;
}

const std::map<std::string, std::string>& builtin_openmm_systems() {
  static const std::map<std::string, std::string> files{
@openmm_systems@  };
  return files;
}

}  // namespace equibolt
]])
