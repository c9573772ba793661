#include "analyze/umbrella_analysis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "analyze/autocorrelation.h"
#include "analyze/bootstrap.h"
#include "analyze/free_energy.h"
#include "analyze/log_space.h"
#include "analyze/wham.h"

namespace equibolt {
namespace {

constexpr std::size_t kBins = 720, kProfileBins = 72;
constexpr std::size_t kTimeBlocks = 20;
constexpr double kPi = std::numbers::pi;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLeastOverlap = 0.03;       // Klimovich, Shirts, Mobley 2015
constexpr double kLeastIndependent = 10;     // independent angles of a window
constexpr double kMostUndone = 0.01;         // of all blocks
constexpr double kFarthestHalves = 3;        // in standard errors
constexpr double kLargestDifference = 0.05;  // of WHAM and MBAR, kT, where the error is smaller

std::size_t bin_of(double angle, std::size_t bins) {
  const auto bin = static_cast<std::ptrdiff_t>((angle + kPi) / (2 * kPi) * static_cast<double>(bins));
  return static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(bin, 0, static_cast<std::ptrdiff_t>(bins) - 1));
}

double bin_centre(std::size_t bin, std::size_t bins) {
  return 2 * kPi * (static_cast<double>(bin) + 0.5) / static_cast<double>(bins) - kPi;
}

std::optional<double> finite(double value) {
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

/// −ln(P/(1−P)) where the weights' logarithms are known; ±∞ or NaN where the state or the rest is empty.
double state_free_energy(std::span<const double> inside, std::span<const double> outside) {
  return log_sum_exp(outside) - log_sum_exp(inside);
}

/// WHAM of parts of the time.
class TimeBlocks {
 public:
  explicit TimeBlocks(const UmbrellaRecords& records)
      : windows_(records.centres.size()),
        length_(records.angles.size() / windows_ / kTimeBlocks),
        parts_(kTimeBlocks, std::vector<double>(kBins, 0.0)) {
    for (std::size_t w = 0; w < windows_; ++w) {
      for (std::size_t b = 0; b < kBins; ++b) biases_.push_back(records.bias(w, bin_centre(b, kBins)));
    }
    for (std::size_t b = 0; b < kBins; ++b) in_state_.push_back(records.in_state(bin_centre(b, kBins)));
    for (std::size_t t = 0; t < kTimeBlocks * length_; ++t) {
      for (std::size_t w = 0; w < windows_; ++w) {
        parts_[t / length_][bin_of(records.angles[t * windows_ + w], kBins)] += 1;
      }
    }
  }

  Wham solve(std::span<const std::size_t> chosen, std::span<const double> start = {}) const {
    std::vector<double> counts(kBins, 0.0);
    for (const std::size_t part : chosen) {
      for (std::size_t b = 0; b < kBins; ++b) counts[b] += parts_[part][b];
    }
    const std::vector<double> samples(windows_, static_cast<double>(chosen.size() * length_));
    return wham(counts, samples, biases_, start);
  }

  /// ±∞ where the state or the rest is empty; NaN where there is no solution.
  double free_energy(const Wham& solution) const {
    if (!solution.converged) return std::numeric_limits<double>::quiet_NaN();
    std::vector<double> inside, outside;
    for (std::size_t b = 0; b < kBins; ++b) {
      (in_state_[b] ? inside : outside).push_back(std::log(solution.probability[b]));
    }
    return state_free_energy(inside, outside);
  }

 private:
  std::size_t windows_, length_;
  std::vector<double> biases_;  // (W, bins)
  std::vector<bool> in_state_;  // (bins,)
  std::vector<std::vector<double>> parts_;
};

/// −ln P of each bin of the profile, above the lowest.
std::vector<double> profile_of(const Wham& solution) {
  std::vector<double> profile(kProfileBins, 0.0);
  for (std::size_t b = 0; b < kBins; ++b) profile[b * kProfileBins / kBins] += solution.probability[b];
  for (double& p : profile) p = -std::log(p);
  const double lowest = std::ranges::min(profile);
  for (double& f : profile) f -= lowest;
  return profile;
}

/// The free energy and the profile of each resampled set.
struct Resampled {
  std::vector<double> free_energies;
  std::vector<std::vector<double>> profiles;  // [point][repetition]
  bool converged = true;                      ///< all of them
};

Resampled resample(const TimeBlocks& blocks, const Wham& solution, std::uint64_t seed) {
  Resampled result;
  result.profiles.resize(kProfileBins);
  const auto again = [&](std::span<const std::size_t> chosen) {
    const Wham one = blocks.solve(chosen, solution.free_energies);
    result.converged = result.converged && one.converged;
    const std::vector<double> profile = profile_of(one);
    for (std::size_t b = 0; b < kProfileBins; ++b) result.profiles[b].push_back(profile[b]);
    return blocks.free_energy(one);
  };
  result.free_energies = bootstrap(kTimeBlocks, again, {.seed = seed, .repetitions = 100});
  return result;
}

/// The deviation of resampled values; infinite where one of them is not finite.
double error_of(std::span<const double> values) {
  const double error = standard_deviation(values);
  return std::isfinite(error) ? error : kInfinity;
}

struct ByMbar {
  double free_energy = 0;
  std::vector<double> overlap;  // (W, W)
  bool converged = false;
};

/// Of every `stride`-th block, so that the matrix stays small.
ByMbar by_mbar(const UmbrellaRecords& records) {
  constexpr std::size_t most_samples = 200000;
  const std::size_t windows = records.centres.size(), blocks = records.angles.size() / windows;
  const std::size_t stride =
      std::max<std::size_t>(1, (records.angles.size() + most_samples - 1) / most_samples);
  std::vector<double> used;
  for (std::size_t w = 0; w < windows; ++w) {
    for (std::size_t t = 0; t < blocks; t += stride) used.push_back(records.angles[t * windows + w]);
  }
  const std::vector<std::size_t> n_k(windows, used.size() / windows);
  std::vector<double> u;
  u.reserve(windows * used.size());
  for (std::size_t w = 0; w < windows; ++w) {
    for (const double angle : used) u.push_back(records.bias(w, angle));
  }
  const Mbar solution = mbar(u, n_k);
  const auto log_weights = solution.log_weights(std::vector<double>(used.size(), 0.0));
  std::vector<double> inside, outside;
  for (std::size_t n = 0; n < used.size(); ++n) {
    (records.in_state(used[n]) ? inside : outside).push_back(log_weights[n]);
  }
  return {state_free_energy(inside, outside), solution.overlap, solution.converged};
}

/// Autocorrelation times of φ − centre, the difference periodic.
std::vector<double> autocorrelation_times(const UmbrellaRecords& records) {
  const std::size_t windows = records.centres.size(), blocks = records.angles.size() / windows;
  std::vector<double> times;
  for (std::size_t w = 0; w < windows; ++w) {
    std::vector<double> series;
    for (std::size_t t = 0; t < blocks; ++t) {
      series.push_back(std::remainder(records.angles[t * windows + w] - records.centres[w], 2 * kPi));
    }
    times.push_back(autocorrelation_time(series));
  }
  return times;
}

/// How many groups of windows there are, of which none overlaps with another. A single gap in the circle
/// leaves all windows connected the other way round.
std::size_t groups_of(std::span<const double> overlap, std::size_t windows) {
  std::vector<std::size_t> group(windows);
  std::iota(group.begin(), group.end(), std::size_t{0});
  for (std::size_t i = 0; i < windows; ++i) {
    for (std::size_t j = 0; j < windows; ++j) {
      if (!(overlap[i * windows + j] >= kLeastOverlap)) continue;
      const std::size_t from = group[j], to = group[i];
      std::ranges::replace(group, from, to);
    }
  }
  std::ranges::sort(group);
  return static_cast<std::size_t>(std::unique(group.begin(), group.end()) - group.begin());
}

/// What casts doubt on the windows' sampling and on their overlaps (W, W).
void judge_windows(UmbrellaAnalysis& result, std::span<const double> overlap,
                   const UmbrellaRecords& records) {
  const std::vector<double>& centres = records.centres;
  const std::size_t windows = centres.size();
  if (records.undone > 0) {
    const auto text = fmt::format(
        "the dynamics of {:.0f} of {} blocks met a configuration without an energy and were undone: lower "
        "simulate.timestep_fs",
        records.undone, result.blocks * windows);
    const bool many = records.undone > kMostUndone * static_cast<double>(result.blocks * windows);
    (many ? result.doubts : result.warnings).push_back(text);
  }
  for (std::size_t w = 0; w < windows; ++w) {
    if (result.overlap[w] >= kLeastOverlap) continue;
    const std::size_t next = (w + 1) % windows;
    result.warnings.push_back(
        fmt::format("windows {} and {}, at {:.3f} and {:.3f} rad, hardly overlap ({:.3f}): raise "
                    "umbrella.windows or lower "
                    "umbrella.stiffness",
                    w, next, centres[w], centres[next], result.overlap[w]));
  }
  if (const std::size_t groups = groups_of(overlap, windows); groups > 1) {
    result.doubts.push_back(
        fmt::format("the windows form {} groups that hardly overlap with one another", groups));
  }
  for (std::size_t w = 0; w < windows; ++w) {
    const double independent = static_cast<double>(result.blocks) / result.autocorrelation_time[w];
    if (independent >= kLeastIndependent) continue;
    result.doubts.push_back(
        fmt::format("the {} angles of window {}, at {:.3f} rad, are worth {:.1f} independent ones",
                    result.blocks, w, centres[w], independent));
    break;  // one is enough to say
  }
}

/// What casts doubt on the free energy.
void judge_free_energy(UmbrellaAnalysis& result, double error, bool resampled_converged) {
  if (!result.wham_converged || !resampled_converged) {
    result.doubts.push_back("the equations of WHAM have no definite solution");
  }
  if (!result.mbar_converged) result.doubts.push_back("the equations of MBAR have no definite solution");
  if (!result.free_energy) return;
  if (!(std::isfinite(error) && error > 0)) {
    result.doubts.push_back("parts of the run have not met the state, or nothing else, or are all the same");
  }
  const double value = result.free_energy->value;
  if (result.by_mbar && !(std::abs(*result.by_mbar - value) <= std::max(kLargestDifference, error))) {
    result.doubts.push_back(
        fmt::format("WHAM and MBAR disagree: {:.3f} and {:.3f} kT", value, *result.by_mbar));
  }
  if (result.halves_apart && !(*result.halves_apart <= kFarthestHalves)) {
    result.warnings.push_back(fmt::format(
        "the two halves of the run disagree by {:.1f} standard errors: {:.3f} and {:.3f} kT; raise "
        "umbrella.steps or umbrella.discard",
        *result.halves_apart, *result.first_half, *result.second_half));
  }
}

}  // namespace

UmbrellaAnalysis analyse_umbrella(const UmbrellaRecords& records) {
  const std::size_t windows = records.centres.size();
  UmbrellaAnalysis result;
  result.blocks = windows == 0 ? 0 : records.angles.size() / windows;
  if (result.blocks < least_umbrella_blocks) {
    throw DataError("umbrella: {} blocks after the discarded ones, at least {} expected", result.blocks,
                    least_umbrella_blocks);
  }
  const TimeBlocks blocks(records);
  std::vector<std::size_t> all(kTimeBlocks);
  std::iota(all.begin(), all.end(), std::size_t{0});
  const Wham solution = blocks.solve(all);
  const Resampled resampled = resample(blocks, solution, records.seed);
  const ByMbar samples = by_mbar(records);
  for (std::size_t w = 0; w < windows; ++w) {
    result.overlap.push_back(samples.overlap[w * windows + (w + 1) % windows]);
  }
  result.autocorrelation_time = autocorrelation_times(records);
  result.wham_converged = solution.converged;
  result.mbar_converged = samples.converged;
  if (samples.converged) result.by_mbar = finite(samples.free_energy);

  const double value = blocks.free_energy(solution), error = error_of(resampled.free_energies);
  if (std::isfinite(value)) result.free_energy = Estimate{value, error};
  const std::span<const std::size_t> times(all);
  result.first_half = finite(blocks.free_energy(blocks.solve(times.first(kTimeBlocks / 2))));
  result.second_half = finite(blocks.free_energy(blocks.solve(times.last(kTimeBlocks / 2))));
  if (result.first_half && result.second_half && std::isfinite(error) && error > 0) {
    // Each half has the variance of the whole twice, their difference four times.
    result.halves_apart = std::abs(*result.second_half - *result.first_half) / (2 * error);
  }
  judge_windows(result, samples.overlap, records);
  judge_free_energy(result, error, resampled.converged);
  if (value == kInfinity) result.doubts.push_back("no window has met the state");
  if (value == -kInfinity) result.doubts.push_back("no window has met anything but the state");

  const bool doubted = !result.doubts.empty();
  if (doubted && result.free_energy) result.free_energy->error = kInfinity;
  const std::vector<double> profile =
      solution.converged ? profile_of(solution)
                         : std::vector<double>(kProfileBins, std::numeric_limits<double>::quiet_NaN());
  for (std::size_t b = 0; b < kProfileBins; ++b) {
    result.profile.push_back(
        {bin_centre(b, kProfileBins), {profile[b], doubted ? kInfinity : error_of(resampled.profiles[b])}});
  }
  return result;
}

}  // namespace equibolt
