#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyze/estimate.h"

namespace equibolt {

/// What umbrella sampling along a dihedral φ has recorded: W windows, each under exp(−U − bias).
struct UmbrellaRecords {
  std::span<const double> angles;  // (blocks, W): φ in [−π, π], rad
  std::vector<double> centres;     // (W,): where each window's bias is zero, rad
  std::function<double(std::size_t window, double angle)> bias;  ///< kT
  std::function<bool(double angle)> in_state;                    ///< whether φ is in the state
  double undone = 0;  ///< blocks, of all windows, that the dynamics could not finish, so that φ is an old one
  std::uint64_t seed = 0;  ///< of the bootstrap
};

struct UmbrellaAnalysis {
  struct ProfilePoint {
    double angle;
    /// kT above the lowest; infinite where no window has been, NaN where the windows do not determine it.
    Estimate free_energy;
  };

  std::size_t blocks = 0;
  /// ΔF = −ln(P/(1−P)) of the state under exp(−U), by WHAM. None where no window has met the state, or none
  /// anything else, or where the windows do not overlap at all. The error is infinite where `doubts` says
  /// why.
  std::optional<Estimate> free_energy;
  std::optional<double> by_mbar;  ///< the same from the samples themselves, without bins
  /// Whether the equations of each estimator have been solved, which says nothing about the sampling.
  bool wham_converged = false, mbar_converged = false;
  /// ΔF by WHAM of the first and of the second half of the time, and how many standard errors lie between.
  std::optional<double> first_half, second_half;
  std::optional<double> halves_apart;
  std::vector<double> overlap;               // (W,): of each window with the next one, around the circle
  std::vector<double> autocorrelation_time;  // (W,), in blocks
  std::vector<ProfilePoint> profile;
  std::vector<std::string> doubts;    ///< why there is no error bar, for people
  std::vector<std::string> warnings;  ///< what else casts doubt on the result
};

/// At least so many blocks.
inline constexpr std::size_t least_umbrella_blocks = 40;

/// What the records say of exp(−U) along φ: the state's free energy by WHAM and by MBAR, F(φ) by WHAM, errors
/// by a bootstrap of blocks of time (all windows together, since exchanges correlate them), and how the
/// windows overlap. Throws DataError for too few blocks.
UmbrellaAnalysis analyse_umbrella(const UmbrellaRecords& records);

}  // namespace equibolt
