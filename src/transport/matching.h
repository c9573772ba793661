#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "equibolt/configurations.h"
#include "equibolt/particle_types.h"
#include "transport/pair_search.h"

namespace equibolt {

/// The sequential search of eq. 14 for pairs of configurations: the permutation s̃ within each type that
/// minimises |x0 − s̃ x1|², then the rotation R that minimises |x0 − R s̃ x1|². With `alternate` both go on in
/// turn until neither lowers the distance. Holds scratch memory: for one thread.
class Matcher {
 public:
  Matcher(const ParticleTypes& types, std::size_t dim, bool reflections, bool alternate);

  /// x0 and x1 (N, D), finite and at most 1e12 in magnitude. Writes R s̃ x1 (N, D).
  void match(std::span<const float> x0, std::span<const float> x1, std::span<float> out);

  /// The squared distances that match() leaves for all pairs, (prior.count(), data.count()) row-major, in
  /// single precision.
  void costs(ConfigurationsView<const float> prior, ConfigurationsView<const float> data,
             std::span<float> cost);

 private:
  /// Permutes and rotates `packed` onto the search's prior; returns the largest tr(Rᵀ M).
  double match_packed(std::span<float> packed);
  /// The rotation's half of that, after the search's permutation.
  double rotate_packed(std::span<float> packed);

  PairSearch search_;
  std::size_t dim_;
  bool reflections_;
  bool alternate_;
  std::vector<float> prior_;      ///< (N, width), packed
  std::vector<float> data_;       ///< (B, N, width), packed
  std::vector<float> moved_;      ///< (N, width)
  std::vector<float> permuted_;   ///< (N, width)
  std::vector<double> square_;    ///< (B): |x1|²
  std::vector<double> overlaps_;  ///< (D, D, stride)
  std::vector<double> overlap_;   ///< (D, D)
  std::vector<double> gain_;
  std::vector<double> rotation_;
};

}  // namespace equibolt
