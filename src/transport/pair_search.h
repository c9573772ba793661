#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "equibolt/particle_types.h"
#include "transport/assignment.h"

namespace equibolt {

/// The optimal permutation of eq. 14 for many configurations x1 against one x0, in SIMD lanes.
///
/// Particles are kept in the order of their groups, each padded to `width` floats, so that a configuration is
/// (N, width).
class PairSearch {
 public:
  PairSearch(const ParticleTypes& types, std::size_t dim);

  std::size_t particles() const { return order_.size(); }
  std::size_t width() const { return width_; }

  /// Between (N, D) in the particles' own order and (N, width).
  void pack(std::span<const float> x, std::span<float> packed) const;
  void unpack(std::span<const float> packed, std::span<float> x) const;

  /// x0, packed. Forgets what was learned from another x0.
  void set_prior(std::span<const float> packed);

  /// For `count` packed configurations x1 (count, N, width) one after the other: writes the overlap
  /// M = Σ_i x0_i (s̃ x1)_iᵀ of x0 with the best permutation of x1, element (k, l) of configuration b
  /// at overlaps[(k·D + l)·stride + b]. Each search starts from the mean duals of those before.
  void overlaps(const float* x1, std::size_t count, double* overlaps, std::size_t stride);

  /// The overlap (D, D) of one x1 that is the last one rotated: starts from that one's duals.
  void overlap_again(const float* x1, double* overlap);

  /// Where the particles of the last x1 belong, in packed order: its row r goes to row target()[r].
  std::span<const std::int32_t> target() const { return target_; }

  /// The particles of one type.
  struct Group {
    std::size_t first;  ///< its first particle in packed order
    std::size_t count;
    AlignedArray<float> prior;       ///< (D, stride of the workspace)
    AlignedArray<float> mean_duals;  ///< (stride), of the searches since set_prior()
    AssignmentWorkspace<float> work;
  };
  /// What the kernels are given.
  struct View {
    std::size_t dim;
    std::size_t width;
    std::size_t particles;
    std::span<Group> groups;
    const float* prior;
    std::int32_t* target;
  };

 private:
  View view();

  std::vector<std::size_t> order_;  ///< the particle at each place of the packed order
  std::size_t dim_;
  std::size_t width_;
  std::vector<Group> groups_;
  std::vector<float> prior_;  ///< (N, width)
  std::vector<std::int32_t> target_;
  std::size_t searches_ = 0;  ///< since set_prior()
};

/// For `count` overlaps M of three-dimensional configurations, laid out as by PairSearch::overlaps, the
/// largest tr(Rᵀ M) over rotations R, or with `reflections` over all orthogonal R: gain (count). `stride` is
/// a multiple of 8, and up to there `overlaps` must be readable and `gain` writable.
void best_gains_3d(const double* overlaps, std::size_t count, std::size_t stride, bool reflections,
                   double* gain);

}  // namespace equibolt
