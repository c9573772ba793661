#include "molecules/surrogate_file.h"

#include "equibolt/error.h"
#include "io/configurations_file.h"
#include "io/npz.h"
#include "runs/request.h"
#include "runs/surrogate_energy.h"
#include "system/energy_files.h"

namespace equibolt {
namespace {

/// All that a round depends on, but for the cheap energy.
Request request_of(const RunConfig& config) {
  Request request(config, [](const std::string& key) {
    const bool of_windows = key == "umbrella.windows" || key == "umbrella.stiffness" ||
                            key == "umbrella.record_every" || key == "umbrella.exchange";
    const bool of_system = key.starts_with("system.") && key != "system.types";
    return of_system || of_windows || (key.starts_with("surrogate.") && key != "surrogate.rounds");
  });
  request.add("seed", config.seed);
  return request;
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
  npz.arrays["format_version"] = Array::scalar(kSurrogateFormat);
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
  npz.arrays["target"] = Array::text(request_of_energy(config).text());
  npz.arrays["energy"] = Array::text(config_text(cheap, false));
  npz.arrays["energy_files"] = Array::text(text_of(files_of(cheap.system)));
  write_npz(path, npz);
}

Findings read_findings(const std::filesystem::path& path, const RunConfig& config, const RunConfig& cheap) {
  const Npz npz = read_surrogate_arrays(path);
  const std::string remedy = "Give another output, or the same settings.";
  request_of(config).require_same(npz["about"].as_text(), path.string(), remedy);
  request_of_energy(cheap).require_same(request_of_cheap_energy(npz),
                                        path.string() + " (its cheaper energy, surrogate.energy)", remedy);
  return findings_from(npz, config.system.particles);
}

}  // namespace equibolt
