#include "simulate/log_z.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analyze/free_energy.h"
#include "analyze/log_space.h"

namespace equibolt {
namespace {

/// Adds to each record what it contributes to c = ln(Z_a/Z_b), and to `total` c itself; returns the overlap.
/// forward: u_a − u_b at samples of b; reverse: u_b − u_a at samples of a.
///
/// Bennett's equation, with as many samples of each, is Σ_t [fermi(w_forward + c) − fermi(w_reverse − c)] =
/// 0; its derivative is −Σ p (1−p) over both sets, p the probability to be of a. Where a and b are far apart
/// all of these are too small for a double, and their ratios are not: hence the logarithms.
double add_pair(std::span<const double> forward, std::span<const double> reverse,
                std::span<double> contributions, double& total) {
  const auto finite = [](double w) { return std::isfinite(w); };
  if (std::ranges::none_of(forward, finite) || std::ranges::none_of(reverse, finite)) return 0;
  const double c = -bar(forward, reverse).value;
  total += c;
  const std::size_t records = forward.size();
  std::vector<double> log_slopes;
  for (const double w : forward) log_slopes.push_back(log_fermi(w + c) + log_fermi(-w - c));
  for (const double w : reverse) log_slopes.push_back(log_fermi(w - c) + log_fermi(c - w));
  const double log_slope = log_sum_exp(log_slopes) - std::log(static_cast<double>(records));
  for (std::size_t t = 0; t < records; ++t) {
    contributions[t] +=
        std::exp(log_fermi(forward[t] + c) - log_slope) - std::exp(log_fermi(reverse[t] - c) - log_slope);
  }
  return std::exp(log_slope);
}

}  // namespace

std::vector<Neighbours> ladder_neighbours(std::span<const Rung> rungs, std::span<const double> energy,
                                          std::span<const double> half_square) {
  const std::size_t records = energy.size() / rungs.size();  // of all chains
  std::vector<Neighbours> pairs;
  for (std::size_t a = 0; a + 1 < rungs.size(); ++a) {
    const std::size_t b = a + 1;
    const auto work = [&](std::size_t from, std::size_t to, std::size_t at) {
      return reduced_energy(rungs[to], energy[at], half_square[at]) -
             reduced_energy(rungs[from], energy[at], half_square[at]);
    };
    Neighbours& pair = pairs.emplace_back();
    for (std::size_t t = 0; t < records; ++t) {
      pair.forward.push_back(work(b, a, t * rungs.size() + b));
      pair.reverse.push_back(work(a, b, t * rungs.size() + a));
    }
  }
  return pairs;
}

LogZ log_z_of(std::span<const Neighbours> pairs, std::size_t chains) {
  const std::size_t records = pairs.front().forward.size();  // of all chains
  double total = 0;
  std::vector<double> contributions(records, 0.0);  // (records per chain, C)
  LogZ result;
  double least = 1;
  for (const Neighbours& pair : pairs) {
    result.overlap.push_back(add_pair(pair.forward, pair.reverse, contributions, total));
    least = std::min(least, result.overlap.back());
  }
  if (!(least * static_cast<double>(records) >= 1)) return result;
  result.log_z = estimate_of(series_of(contributions, chains, 1, 0));
  result.log_z->estimate.value = total;
  if (!(least >= LogZ::least_overlap)) {
    result.log_z->estimate.error = result.log_z->chain_error = std::numeric_limits<double>::infinity();
  }
  return result;
}

}  // namespace equibolt
