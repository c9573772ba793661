#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <numbers>
#include <optional>
#include <vector>

#include "core/threads.h"
#include "equibolt/configurations.h"
#include "simulate/langevin.h"
#include "simulate/mover.h"
#include "system/restrained.h"

namespace equibolt {

/// Hamiltonian Monte Carlo with unit masses (hmc_step).
struct TrajectoryOptions {
  double step = 0.01;  ///< mean leapfrog step, where kT = 1, masses are 1 and lengths those of x
  std::size_t leapfrog_steps = 50;
};

struct UmbrellaOptions {
  DihedralAtoms atoms{};      ///< the dihedral φ
  std::size_t windows = 25;   ///< W, evenly around the circle from −π
  double stiffness = 50;      ///< of each window's harmonic bias, kT/rad²
  std::size_t blocks = 1000;  ///< per window; after each its angle is recorded
  std::size_t block_steps = 200;
  bool exchange = true;            ///< neighbours may exchange their configurations after each block
  std::size_t relax_steps = 2000;  ///< of `relax` before the first block
  LangevinOptions langevin, relax;
  std::optional<TrajectoryOptions> hmc;   ///< instead of langevin: block_steps as trajectories
  std::vector<DihedralRestraint> guards;  ///< that act beside the bias, in all windows
  std::uint64_t seed = 0;
};

/// All that umbrella sampling is between two calls of advance(): going on from a copy gives the same bits.
struct UmbrellaState {
  std::size_t relaxed = 0;        ///< steps of relaxation that all windows have done
  std::size_t ready = 0;          ///< this many windows, the first ones, are one block ahead of the others
  Configurations<double> x;       // (W, N, 3)
  std::vector<double> angles;     // (blocks so far, W): rad
  std::vector<double> accepted;   // (W−1,): exchanges of k and k + 1, sums of probabilities
  std::vector<double> tried;      // (W−1,)
  std::vector<double> unrelaxed;  // (W,): blocks of relaxation that met a configuration without an energy
  std::vector<double> rejected;   // (W,): blocks that met one
  std::vector<double> moved;      // (W,): acceptance of the moves, sums of the blocks' means
  // Of Monte Carlo by a cheaper energy, else zero or empty:
  std::vector<double> taken;   // (W,): acceptance by the target of blocks, sums of probabilities
  std::vector<double> excess;  // (W,): the target's energy at x less the sampled one, kT
};

/// Umbrella sampling along a dihedral: W windows, each under U + ½ k (φ − φ_w)² with the difference periodic,
/// by metropolised Langevin dynamics or Hamiltonian Monte Carlo. Results do not depend on the number of
/// threads or on interruptions.
///
/// With a target energy besides, U is but a cheap stand-in for it: what a block of Hamiltonian Monte Carlo
/// under U does to a window is one proposal, accepted with probability min(1, exp(−Δ(U_target − U))). The
/// block's trajectories are in detailed balance with exp(−U), so that this samples the target exactly,
/// whatever U is (Gelb, J. Chem. Phys. 118, 7747, 2003); how well U imitates the target decides only how
/// often it is accepted.
class Umbrella {
 public:
  /// Starts from x (W, N, 3), or goes on from a state. The pool must outlive this object. Throws UsageError
  /// for invalid options, DataError for a state that does not fit.
  Umbrella(const Energy& prototype, const UmbrellaOptions& options, ThreadPool& pool, UmbrellaState state,
           const Energy* target = nullptr);

  const UmbrellaState& state() const { return state_; }
  std::size_t blocks_done() const { return state_.angles.size() / options_.windows; }
  bool relaxed() const { return state_.relaxed >= options_.relax_steps; }
  bool finished() const { return blocks_done() >= options_.blocks; }
  /// The share of all steps, relaxation included, that is done.
  double progress() const;
  /// Relaxes by some steps, or runs a block, in as many windows as there are threads. Throws NumericalError
  /// where the time step is too long.
  void advance();
  /// The bias of each window where it is now, (W,): ½ k (φ − φ_w)², kT. Far from its centre a window has not
  /// relaxed.
  std::vector<double> bias_energies() const;

 private:
  /// body(worker, energy, walker) for windows [first, first + count), each walker with energy and gradient as
  /// they are there.
  template <typename Body>
  void for_windows(std::size_t first, std::size_t count, const Body& body);
  void relax(std::size_t first, std::size_t count);
  void run_block(std::size_t first, std::size_t count, std::uint64_t iteration);
  /// The target's energy at the walker's x less that of the prototype; +∞ where the target has none.
  double excess(std::size_t worker, const Walker& walker);
  void exchange(std::uint64_t iteration);
  void require_acceptance() const;

  UmbrellaOptions options_;
  std::unique_ptr<const Mover> mover_;
  std::size_t moves_;  ///< of `mover_` in a block
  ThreadPool& pool_;
  std::vector<std::unique_ptr<Restrained>> energies_;  // one for each worker
  std::vector<std::unique_ptr<Energy>> targets_;       // one for each worker, or none
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
