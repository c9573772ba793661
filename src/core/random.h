#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace equibolt {

/// What a random number is for, so that adding draws for one purpose leaves the others as they were. The
/// numbers are part of the file formats' reproducibility: append, never renumber.
enum class Stream : std::uint64_t {
  weights = 1,      ///< initial network weights
  prior = 2,        ///< prior samples of the flow
  walkers = 3,      ///< starting points of simulations
  simulate = 4,     ///< momenta and acceptance in simulations
  exchange = 5,     ///< replica exchange
  batch_data = 6,   ///< which data points make a batch
  batch_prior = 7,  ///< prior samples of a training batch
  batch_time = 8,   ///< t of a training sample
  batch_noise = 9,  ///< the σε of x_t
  batch_plan = 11,  ///< what a coupling draws: motions of data, pairs from a plan
  bootstrap = 12,
  test = 14,            ///< unit tests
  validation = 15,      ///< t, prior and noise of the validation loss
  symmetry_check = 16,  ///< motions that should leave an energy unchanged
  probes = 17,          ///< ε of divergence estimates
  stand_in = 18,        ///< acceptance of what a cheaper energy's simulation proposes
  score_probes = 19,    ///< ε of a score that is carried along the flow
};

/// A counter-based generator (Philox 4x64, Random123): the numbers depend on (seed, stream, step, sample)
/// alone, hence not on threads or on the order of work. Cheap to make; make one per sample.
class Random {
 public:
  Random(std::uint64_t seed, Stream stream, std::uint64_t step = 0, std::uint64_t sample = 0);

  std::uint64_t bits();
  /// Uniform in (0, 1]: multiples of 2^-54, or of 2^-52 above one half, so that 0 never comes and 1 with a
  /// probability of 2^-53.
  double uniform();
  /// Standard normal (Box–Muller).
  double normal();
  /// Uniform in {0, …, n−1}, without bias. n > 0.
  std::size_t below(std::size_t n);

  template <typename T>
  void fill_normal(std::span<T> out) {
    for (T& value : out) value = static_cast<T>(normal());
  }
  /// A uniformly random order (Fisher–Yates).
  template <typename T>
  void shuffle(std::span<T> values) {
    for (std::size_t k = values.size(); k > 1; --k) {
      const std::size_t j = below(k);
      const T kept = values[k - 1];
      values[k - 1] = values[j];
      values[j] = kept;
    }
  }

 private:
  void refill();

  std::array<std::uint64_t, 2> key_;
  std::array<std::uint64_t, 4> counter_;
  std::array<std::uint64_t, 4> block_{};
  std::size_t used_ = 4;
  double spare_normal_ = 0;
  bool has_spare_normal_ = false;
};

}  // namespace equibolt
