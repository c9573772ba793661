#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "equibolt/estimate.h"

namespace equibolt {

/// One row of published results; NLL without the prior's constant.
struct PublishedResult {
  std::string training;
  std::string source;
  double nll;
  double ess_percent;
  std::optional<double> path_length;
};

/// What is known of a system of the paper.
struct KnownSystem {
  std::string preset;  ///< that has this system
  Estimate log_z;      ///< ln(Z_target/Z_prior); error 0: exact to the digits given
  std::string log_z_source;
  std::vector<PublishedResult> results;
};

/// The known system that the config's is, parameter by parameter; null where it is another.
const KnownSystem* known_system(const RunConfig& config);

}  // namespace equibolt
