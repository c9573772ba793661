#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "core/random.h"
#include "equibolt/configurations.h"
#include "equibolt/particle_types.h"

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

enum class CouplingKind {
  independent,     ///< prior sample b with data sample b, as they are
  ot,              ///< optimal transport of the batch on |x0 − x1|² (section 3.4)
  equivariant_ot,  ///< the same on the distance left after permutation and rotation (eq. 14)
  aligned,         ///< prior sample b with data sample b, permuted and rotated: equivariant_ot with B = 1
};

/// "independent", "ot", "equivariant_ot", "aligned".
std::string_view coupling_name(CouplingKind kind);
/// The kind of that name; throws UsageError for another.
CouplingKind coupling_kind(std::string_view name);

struct CouplingOptions {
  CouplingKind kind = CouplingKind::equivariant_ot;
  ParticleTypes types;  ///< (N,): permutations stay within a type
  std::size_t dim = 3;
  /// Search O(D) instead of SO(D). Only for energies without handedness: a reflection turns an L into a
  /// D molecule.
  bool reflections = false;
  /// Go on with permutation and rotation in turn until neither lowers the distance, where eq. 14 stops after
  /// one of each.
  bool alternate = false;
  /// Draw B pairs from the transport plan with replacement, instead of using each sample exactly once.
  /// For the kinds that have a plan, ot and equivariant_ot.
  bool with_replacement = false;
};

/// A coupling with scratch memory of its own: for one thread at a time; others have a clone. Its pairs depend
/// on the arguments of pair() alone. pair() throws DataError when shapes differ or a coordinate is not
/// finite.
///
/// x0 holds samples of the prior unchanged, pair b that of index b unless `with_replacement`. x1 holds data
/// samples: for `independent` unchanged; for `ot`, whose result would otherwise depend on how the sampler of
/// the data labels and orients its configurations, under random permutations within types and random
/// rotations; for the equivariant kinds permuted within types and rotated onto their x0.
std::unique_ptr<Coupling> make_coupling(const CouplingOptions& options);

}  // namespace equibolt
