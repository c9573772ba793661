#include "runs/surrogate_energy.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "config/config_table.h"
#include "equibolt/error.h"
#include "io/configurations_file.h"
#include "runs/format_version.h"
#include "runs/shipped_files.h"
#include "system/correction.h"

namespace equibolt {
namespace {

/// 2: with the hashes of the files that the energies are made of.
constexpr std::int64_t kOldestFormat = 2;

/// Neither what is looked at nor which atoms count as alike changes an energy.
bool is_of_energy(const std::string& key) {
  return key.starts_with("system.") && key != "system.dihedrals" && key != "system.state" &&
         key != "system.types";
}

}  // namespace

Request request_of_energy(const RunConfig& config) {
  return {config, is_of_energy};
}

std::string request_of_cheap_energy(const Npz& npz) {
  RunConfig cheap = parse_config(npz["energy"].as_text(), npz.origin + ": array 'energy'");
  nlohmann::ordered_json about = nlohmann::ordered_json::object();
  for (const ConfigKey& key : config_table(cheap)) {
    if (!key.is_path && is_of_energy(key.name)) about[key.name] = key.text();
  }
  std::istringstream files(npz["energy_files"].as_text());
  for (std::string key, hash; files >> key >> hash;) about["content of " + key] = hash;
  return about.dump();
}

Npz read_surrogate_arrays(const std::filesystem::path& path) {
  Npz npz = read_npz(path);
  const std::string origin = path.string();
  require_version(npz["format_version"], kSurrogateFormat, origin);
  if (npz["format_version"].as_int64()[0] < kOldestFormat) {
    throw DataError("{}: a surrogate of format 1 does not say what its energies are made of: make it again",
                    origin);
  }
  return npz;
}

Surrogate read_surrogate(const RunConfig& config, const std::string& name) {
  const std::filesystem::path path = surrogate_path(name);
  const Npz npz = read_surrogate_arrays(path);
  request_of_energy(config).require_same(npz["target"].as_text(),
                                         path.string() + " (the energy that it is a surrogate of)",
                                         "Give another surrogate, or make this one again.");
  const RunConfig cheap = parse_config(npz["energy"].as_text(), path.string() + ": array 'energy'");
  request_of_energy(cheap).require_same(request_of_cheap_energy(npz), path.string() + " (its cheaper energy)",
                                        "Restore them, or make the surrogate again.");
  auto correction = std::make_shared<const Correction>(Correction::from(npz));
  const std::size_t particles = correction->particles();
  return {std::make_unique<Corrected>(make_energy(cheap.system), std::move(correction)),
          configurations_of(npz["last"], particles, 3)};
}

}  // namespace equibolt
