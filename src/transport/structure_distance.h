#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "equibolt/particle_types.h"
#include "transport/assignment.h"

namespace equibolt {

/// The root mean square deviation of configurations from a reference structure,
///   √(min over R, s of Σ_i |a_i − R x_{s(i)}|² / N),
/// over rotations R about the centre, with `reflections` rotations combined with reflections too, and over
/// permutations s within the types. Without interchangeable particles it is exact (Kabsch). With them, the
/// optimal permutation for a rotation and the optimal rotation for a permutation alternate, from several
/// first rotations: that of the particles in their order and those that bring two particles onto two of the
/// reference's. The least of what is found is an upper bound of the minimum, and in practice the minimum for
/// configurations near the reference. It is invariant under rotations of x and, but for ties, under
/// permutations within the types. Holds scratch memory: for one thread.
class StructureDistance {
 public:
  /// reference (N, D); N ≥ 2. types (N,).
  StructureDistance(std::span<const double> reference, ParticleTypes types, std::size_t dim,
                    bool reflections);

  /// The deviation of x (N, D), in its unit.
  double operator()(std::span<const double> x);

 private:
  /// Σ |a − R s x|² at the end of the alternation that begins with the rotation `r` (D, D).
  double refine(std::span<const double> x, std::vector<double> rotation);
  double rotate_onto(std::span<const double> x, std::vector<double>& rotation);
  /// First rotations, from the pairs of x that are most like the reference's pair; the best first.
  std::vector<std::vector<double>> first_rotations(std::span<const double> x) const;

  std::vector<double> reference_;  ///< (N, D), centred
  ParticleTypes types_;
  std::vector<std::vector<std::size_t>> groups_;  ///< of interchangeable particles, two or more
  std::size_t dim_;
  bool reflections_;
  std::size_t first_ = 0, second_ = 0;  ///< the reference's pair
  std::vector<std::size_t> order_;      ///< (N,): s
  std::vector<double> centred_;         ///< (N, D)
  AssignmentWorkspace<double> work_;
};

}  // namespace equibolt
