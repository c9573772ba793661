#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/configurations.h"
#include "core/particle_types.h"
#include "transport/assignment.h"

namespace equibolt {

/// The sequential search of eq. 14 for one pair of configurations: the permutation s̃ within each type that
/// minimises |x0 − s̃ x1|², then the rotation R that minimises |x0 − R s̃ x1|². With `alternate` both go on in
/// turn until the permutation stays, each step lowering the distance.
class Matcher {
 public:
  Matcher(const ParticleTypes& types, std::size_t dim, bool reflections, bool alternate);

  /// x0 and x1 (N, D), finite. Writes R s̃ x1 (N, D) and returns its squared distance from x0.
  double match(std::span<const float> x0, std::span<const float> x1, std::span<float> out);

  /// The squared distances that match() leaves for all pairs, (prior.count(), data.count()) row-major, to
  /// single precision.
  void costs(ConfigurationsView<const float> prior, ConfigurationsView<const float> data,
             std::span<float> cost);

 private:
  void permute(std::span<const float> x0, std::span<const float> x1, std::span<float> out);

  std::vector<std::vector<std::size_t>> groups_;
  std::size_t dim_;
  bool reflections_;
  bool alternate_;
  AssignmentWorkspace<float> work_;
  std::vector<float> rotated_;
  std::vector<float> scratch_;
};

}  // namespace equibolt
