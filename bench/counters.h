#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <map>

#include "bench/peak.h"

namespace equibolt::bench {

/// Single precision's peak of this machine, measured at the first call.
inline double measured_peak(std::size_t threads) {
  static std::map<std::size_t, double> peaks;
  const auto [at, first] = peaks.try_emplace(threads);
  if (first) at->second = peak_fp32(threads);
  return at->second;
}

/// Counters of a benchmark whose iterations are `batch` samples of `operations` floating-point operations
/// each: samples per second, GFLOP/s and its fraction of the single-precision peak.
inline void report(benchmark::State& state, std::size_t batch, double operations, std::size_t threads) {
  using benchmark::Counter;
  const double samples = static_cast<double>(state.iterations()) * static_cast<double>(batch);
  const double giga = 1e-9 * samples * operations;
  state.counters["samples/s"] = Counter(samples, Counter::kIsRate);
  state.counters["GFLOP/s"] = Counter(giga, Counter::kIsRate);
  state.counters["of_peak"] = Counter(giga / measured_peak(threads), Counter::kIsRate);
}

}  // namespace equibolt::bench
