#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "equibolt/configurations.h"
#include "flow/dynamics.h"
#include "flow/integrator.h"

namespace equibolt {

/// Configurations with their density under the flow (paper, eq. 4 and 5).
struct FlowSamples {
  Configurations<double> x0;  ///< (B, N, D), at the prior's end of the path
  Configurations<double> x1;  ///< (B, N, D), at the target's end
  /// (B,): log p̃(x1) = −½|x0|² − ∫₀¹ ∇·v dt, without the prior's constant; −∞ where the path failed.
  std::vector<double> log_density;
  PathIntegrals paths;
};

/// Samples number first, …, first+count−1 of `seed`: prior samples carried from t = 0 to t = 1.
FlowSamples sample_flow(Dynamics& dynamics, const IntegratorOptions& options, std::uint64_t seed,
                        std::size_t first, std::size_t count, std::size_t particles, std::size_t dim);

/// The density of given mean-free configurations x1 (B, N, D): carried back from t = 1 to t = 0.
FlowSamples flow_density(Dynamics& dynamics, const IntegratorOptions& options,
                         ConfigurationsView<const double> x1);

}  // namespace equibolt
