#pragma once

#include <memory>

#include "core/configurations.h"
#include "core/particle_types.h"
#include "core/random.h"

namespace equibolt {

/// A coupling of prior and target: from a batch of samples of each, pairs (x0, x1) for flow matching
/// (paper, eq. 10 and section 4).
class Coupling {
 public:
  virtual ~Coupling() = default;

  /// prior and data (B, N, D), mean-free; writes x0 and x1 (B, N, D), already permuted and rotated, pair b at
  /// index b. Returns the mean over pairs of the squared distance |x0 − x1|².
  virtual double pair(ConfigurationsView<const float> prior, ConfigurationsView<const float> data,
                      Random& random, ConfigurationsView<float> x0, ConfigurationsView<float> x1) = 0;

  virtual std::unique_ptr<Coupling> clone() const = 0;
};

}  // namespace equibolt
