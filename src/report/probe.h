#pragma once

#include <cstdint>
#include <vector>

#include "equibolt/configurations.h"
#include "equibolt/estimate.h"
#include "runs/session.h"

namespace equibolt {

// What the report computes with the network itself.

/// Sample number `index` of `seed` on its way: `points` configurations at equal times from 0 to 1, (points,
/// N, D).
Configurations<double> path_of_sample(Session& session, std::uint64_t seed, std::size_t index,
                                      std::size_t points);

/// How far RK4 with `steps` steps ends from dopri5, mean over samples (paper, figure 2f and appendix A.6).
struct IntegrationError {
  std::size_t steps = 0;
  Estimate position;     ///< Σ|x1 − x1'| over all N·D coordinates
  Estimate log_density;  ///< |log p − log p'|
};
struct IntegrationErrors {
  std::size_t samples = 0;
  double tolerance = 0;          ///< of dopri5
  double reference_evaluations;  ///< that dopri5 needed, mean
  std::vector<IntegrationError> rk4;
  IntegrationError own;        ///< of the session's own setting
  double own_evaluations = 0;  ///< that it needed, mean
};

/// From samples of `seed`: 100 of a small system, fewer of a larger one, at least 8, since each costs about
/// the square of its coordinates.
IntegrationErrors integration_errors(Session& session, std::uint64_t seed);

}  // namespace equibolt
