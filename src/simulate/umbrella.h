#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <numbers>
#include <vector>

#include "core/threads.h"
#include "equibolt/configurations.h"
#include "simulate/langevin.h"
#include "system/restrained.h"

namespace equibolt {

struct UmbrellaOptions {
  DihedralAtoms atoms{};      ///< the dihedral φ
  std::size_t windows = 25;   ///< W, evenly around the circle from −π
  double stiffness = 50;      ///< of each window's harmonic bias, kT/rad²
  std::size_t blocks = 1000;  ///< per window; after each its angle is recorded
  std::size_t block_steps = 200;
  bool exchange = true;            ///< neighbours may exchange their configurations after each block
  std::size_t relax_steps = 2000;  ///< of `relax` before the first block
  LangevinOptions langevin, relax;
  std::vector<DihedralRestraint> guards;  ///< that act beside the bias, in all windows
  std::uint64_t seed = 0;
};

/// All that umbrella sampling is between two blocks: going on from a copy gives the same bits.
struct UmbrellaState {
  bool relaxed = false;
  Configurations<double> x;      // (W, N, 3)
  std::vector<double> angles;    // (blocks so far, W): rad
  std::vector<double> accepted;  // (W−1,): exchanges of k and k + 1, sums of probabilities
  std::vector<double> tried;     // (W−1,)
  std::vector<double> rejected;  // (W,): blocks that met a configuration without an energy
};

/// Umbrella sampling along a dihedral: W windows, each under U + ½ k (φ − φ_w)² with the difference periodic,
/// by Langevin dynamics. Results do not depend on the number of threads or on interruptions.
class Umbrella {
 public:
  /// Starts from x (W, N, 3), or goes on from a state. The pool must outlive this object. Throws UsageError
  /// for options without sense, DataError for a state that does not fit.
  Umbrella(const Energy& prototype, const UmbrellaOptions& options, ThreadPool& pool, UmbrellaState state);

  const UmbrellaState& state() const { return state_; }
  std::size_t blocks_done() const { return state_.angles.size() / options_.windows; }
  bool finished() const { return blocks_done() >= options_.blocks; }
  /// Relaxes, or runs a block in every window.
  void advance();

 private:
  void run_block(std::size_t steps, const LangevinOptions& langevin, std::uint64_t iteration);
  void exchange(std::uint64_t iteration);

  UmbrellaOptions options_;
  ThreadPool& pool_;
  std::vector<std::unique_ptr<Restrained>> energies_;  // one for each worker
  UmbrellaState state_;
};

/// φ of window w's centre.
inline double window_centre(std::size_t w, std::size_t windows) {
  return 2 * std::numbers::pi * static_cast<double>(w) / static_cast<double>(windows) - std::numbers::pi;
}

/// What begins umbrella sampling: for each window the frame (n, N, 3) whose dihedral is nearest to its
/// centre.
UmbrellaState umbrella_start(const UmbrellaOptions& options, ConfigurationsView<const double> frames);

}  // namespace equibolt
