#include "system/energy_files.h"

#include <fmt/format.h>

#include <map>
#include <span>

#include "core/hash.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "system/builtin_files.h"

namespace equibolt {
namespace {

using BuiltinFiles = std::map<std::string, std::string>;

FileHash file_of(const std::string& key, const std::string& path, const BuiltinFiles& builtin) {
  // A built-in name goes before a file, as where the energy is made.
  const auto found = builtin.find(path);
  if (found != builtin.end()) {
    const std::string& text = found->second;
    return {key, path, true, content_hash(std::span<const char>(text))};
  }
  if (!std::filesystem::exists(path)) {
    throw UsageError("{}: '{}' is neither a file nor built in", key, path);
  }
  return {key, path, false, hash_of_file(path)};
}

}  // namespace

std::uint64_t hash_of_file(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path);
  return content_hash(std::span<const std::uint8_t>(bytes));
}

std::vector<FileHash> files_of(const SystemSpec& spec) {
  std::vector<FileHash> files;
  if (const MoleculeOptions* molecule = molecule_options_of(spec)) {
    files.push_back(file_of("system.structure", molecule->structure, builtin_structures()));
  }
  if (const auto* openmm = std::get_if<OpenMmParameters>(&spec.kind)) {
    files.push_back(file_of("system.system", openmm->system, builtin_openmm_systems()));
  }
  if (const auto* xtb = std::get_if<XtbParameters>(&spec.kind)) {
    if (!xtb->parameters.empty()) files.push_back(file_of("system.parameters", xtb->parameters, {}));
  }
  if (const auto* own = std::get_if<OwnEnergy>(&spec.kind)) {
    files.push_back({"system.check", "", false, content_hash(std::span<const char>(own->check))});
  }
  return files;
}

std::string text_of(const std::vector<FileHash>& files) {
  std::string text;
  for (const FileHash& file : files) text += fmt::format("{} {:016x}\n", file.key, file.hash);
  return text;
}

}  // namespace equibolt
