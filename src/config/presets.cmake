# Builds presets/*.toml into the program: presets.cc defines preset_names() and preset_text().
file(GLOB preset_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/presets/*.toml)
set(preset_names "")
set(preset_entries "")
foreach(file ${preset_files})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  string(APPEND preset_entries "      {\"${name}\", R\"preset(${text})preset\"},\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/presets.cc @ONLY CONTENT [[
#include <map>

#include "equibolt/error.h"
#include "config/config.h"

namespace equibolt {
namespace {

const std::map<std::string, std::string>& presets() {
  static const std::map<std::string, std::string> texts{
@preset_entries@  };
  return texts;
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& [name, text] : presets()) names.push_back(name);
  return names;
}

std::string preset_text(const std::string& name) { return presets().at(name); }

}  // namespace equibolt
]])
