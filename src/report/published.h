#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "equibolt/estimate.h"

namespace equibolt {

/// Results of others for a system; published.json.
struct PublishedResult {
  std::string model;
  std::string source;
  std::string evidence;                    ///< "read" in the source, or "second-hand": quoted by others
  std::string remark;                      ///< what makes it hard to compare; may be empty
  std::map<std::string, Estimate> values;  ///< by the names of evaluation.json; error ∞: none is given
};

/// A value that is known better than one run can tell it, and how.
struct KnownValue {
  Estimate estimate;  ///< error 0: exact to the digits given
  std::string by;     ///< in a word or two
  std::string how;
};

/// What is known of a system.
struct KnownSystem {
  std::string preset;                        ///< that has this system; empty: none has
  std::map<std::string, KnownValue> values;  ///< "log_z", ln(Z_target/Z_prior), and "energy_mean", ⟨U⟩
  std::vector<PublishedResult> published;
};

/// The systems of presets of which something is known, in the order of published.json.
const std::vector<KnownSystem>& known_systems();

/// What is known of the config's system: that of a preset, parameter by parameter, or a harmonic one, whose
/// values are exact; nothing of others.
std::optional<KnownSystem> known_system(const RunConfig& config);

/// "57.98" or "39.67 ± 0.40": value and error with as many decimals as the longer of them needs.
std::string published_text(const Estimate& estimate, double scale = 1);

/// A known value: all its digits where it is exact, else with its error.
std::string known_text(const Estimate& estimate);

/// The text of published.json.
const char* published_json();

}  // namespace equibolt
