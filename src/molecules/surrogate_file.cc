#include "molecules/surrogate_file.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "config/config_table.h"
#include "equibolt/error.h"
#include "io/configurations_file.h"
#include "io/npz.h"
#include "runs/format_version.h"
#include "runs/request.h"
#include "system/energy_files.h"

namespace equibolt {
namespace {

/// 2: with the hashes of the files that the energies are made of.
constexpr std::int64_t kFormatVersion = 2, kOldestVersion = 2;

bool is_of_system(const std::string& key) {
  return key.starts_with("system.");
}

/// Which dihedrals are looked at changes no energy.
bool is_of_energy(const std::string& key) {
  return is_of_system(key) && key != "system.dihedrals" && key != "system.state";
}

/// All that a round depends on, but for the cheap energy.
Request request_of(const RunConfig& config) {
  Request request(config, [](const std::string& key) {
    const bool of_windows = key == "umbrella.windows" || key == "umbrella.stiffness" ||
                            key == "umbrella.record_every" || key == "umbrella.exchange";
    return is_of_system(key) || of_windows || (key.starts_with("surrogate.") && key != "surrogate.rounds");
  });
  request.add("seed", config.seed);
  return request;
}

/// The cheap energy that a surrogate was made with, in the form of a request.
std::string about_cheap(const Npz& npz) {
  RunConfig cheap = parse_config(npz["energy"].as_text(), npz.origin + ": array 'energy'");
  nlohmann::ordered_json about = nlohmann::ordered_json::object();
  for (const ConfigKey& key : config_table(cheap)) {
    if (!key.is_path && is_of_energy(key.name)) about[key.name] = key.text();
  }
  std::istringstream files(npz["energy_files"].as_text());
  for (std::string key, hash; files >> key >> hash;) about["content of " + key] = hash;
  return about.dump();
}

Npz read_version(const std::filesystem::path& path) {
  Npz npz = read_npz(path);
  const std::string origin = path.string();
  require_version(npz["format_version"], kFormatVersion, origin);
  if (npz["format_version"].as_int64()[0] < kOldestVersion) {
    throw DataError("{}: a surrogate of format 1 does not say what its energies are made of: make it again",
                    origin);
  }
  return npz;
}

Findings findings_from(const Npz& npz, std::size_t particles) {
  for (const char* name : {"x", "difference", "gradient", "rounds"}) {
    if (const auto at = npz[name].first_not_finite()) {
      throw DataError("{}: array '{}': expected finite numbers, number {} is not", npz.origin, name, *at);
    }
  }
  Findings findings;
  findings.correction = Correction::from(npz);
  findings.x = npz["x"].as_double();
  findings.difference = npz["difference"].as_double();
  findings.gradient = npz["gradient"].as_double();
  findings.last = configurations_of(npz["last"], particles, 3);
  const auto rounds = npz["rounds"].as_double();
  const bool sound = findings.x.size() == 3 * particles * findings.difference.size() &&
                     findings.gradient.size() == findings.x.size() && rounds.size() % 5 == 0;
  if (!sound) throw DataError("{}: its arrays do not fit together", npz.origin);
  for (std::size_t r = 0; r < rounds.size(); r += 5) {
    findings.rounds.push_back({static_cast<std::size_t>(rounds[r]), static_cast<std::size_t>(rounds[r + 1]),
                               rounds[r + 2], rounds[r + 3], rounds[r + 4]});
  }
  return findings;
}

}  // namespace

void write_findings(const std::filesystem::path& path, const Findings& findings, const RunConfig& config,
                    const RunConfig& cheap) {
  const std::size_t n = findings.difference.size(), particles = findings.last.particles();
  Npz npz = findings.correction.to_npz();
  npz.arrays["format_version"] = Array::scalar(kFormatVersion);
  npz.arrays["x"] = Array::of(std::span<const double>(findings.x), {n, particles, 3});
  npz.arrays["difference"] = Array::of(findings.difference);
  npz.arrays["gradient"] = Array::of(std::span<const double>(findings.gradient), {n, particles, 3});
  npz.arrays["last"] = Array::of(ConfigurationsView<const double>(findings.last.view()));
  std::vector<double> rounds;
  for (const SurrogateRound& r : findings.rounds) {
    rounds.push_back(static_cast<double>(r.configurations));
    rounds.push_back(static_cast<double>(r.failed));
    rounds.push_back(r.deviation);
    rounds.push_back(r.acceptance);
    rounds.push_back(r.least_acceptance);
  }
  npz.arrays["rounds"] = Array::of(std::span<const double>(rounds), {findings.rounds.size(), 5});
  npz.arrays["about"] = Array::text(request_of(config).text());
  npz.arrays["target"] = Array::text(Request(config, is_of_energy).text());
  npz.arrays["energy"] = Array::text(config_text(cheap, false));
  npz.arrays["energy_files"] = Array::text(text_of(files_of(cheap.system)));
  write_npz(path, npz);
}

Findings read_findings(const std::filesystem::path& path, const RunConfig& config, const RunConfig& cheap) {
  const Npz npz = read_version(path);
  const std::string remedy = "Give another output, or the same settings.";
  request_of(config).require_same(npz["about"].as_text(), path.string(), remedy);
  Request(cheap, is_of_energy)
      .require_same(about_cheap(npz), path.string() + " (its cheaper energy, surrogate.energy)", remedy);
  return findings_from(npz, config.system.particles);
}

Surrogate read_surrogate(const RunConfig& config, const std::filesystem::path& path) {
  const Npz npz = read_version(path);
  const std::string remedy = "Give another surrogate, or make this one again.";
  Request(config, is_of_energy)
      .require_same(npz["target"].as_text(), path.string() + " (the energy that it is a surrogate of)",
                    remedy);
  const RunConfig cheap = parse_config(npz["energy"].as_text(), path.string() + ": array 'energy'");
  Request(cheap, is_of_energy)
      .require_same(about_cheap(npz), path.string() + " (its cheaper energy)",
                    "Restore them, or make the surrogate again.");
  auto correction = std::make_shared<const Correction>(Correction::from(npz));
  const std::size_t particles = correction->particles();
  return {std::make_unique<Corrected>(make_energy(cheap.system), std::move(correction)),
          configurations_of(npz["last"], particles, 3)};
}

}  // namespace equibolt
