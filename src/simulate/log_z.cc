#include "simulate/log_z.h"

#include <cmath>

#include "analyze/free_energy.h"

namespace equibolt {
namespace {

/// 1/(1 + e^x), right for infinite x.
double fermi(double x) {
  return 1 / (1 + std::exp(x));
}

}  // namespace

LogZ log_z_of(std::span<const Rung> rungs, std::span<const double> energy,
              std::span<const double> half_square, std::size_t chains) {
  const std::size_t records = energy.size() / rungs.size();  // of all chains
  double total = 0;
  std::vector<double> contributions(records, 0.0);  // (records per chain, C)
  std::vector<double> forward(records);             // u_a − u_b at samples of b
  std::vector<double> reverse(records);             // u_b − u_a at samples of a
  LogZ result;
  for (std::size_t a = 0; a + 1 < rungs.size(); ++a) {
    const std::size_t b = a + 1;
    const auto work = [&](std::size_t from, std::size_t to, std::size_t at) {
      return reduced_energy(rungs[to], energy[at], half_square[at]) -
             reduced_energy(rungs[from], energy[at], half_square[at]);
    };
    for (std::size_t t = 0; t < records; ++t) {
      forward[t] = work(b, a, t * rungs.size() + b);
      reverse[t] = work(a, b, t * rungs.size() + a);
    }
    // Bennett's equation, with as many samples of each, is Σ_t [fermi(w_forward + c) − fermi(w_reverse − c)]
    // = 0 for c = ln(Z_a/Z_b); its derivative is −Σ p (1−p) over both sets, p the probability to be of a.
    const double c = -bar(forward, reverse).value;
    double slope = 0;
    for (const double w : forward) slope += fermi(w + c) * fermi(-w - c);
    for (const double w : reverse) slope += fermi(w - c) * fermi(c - w);
    slope /= static_cast<double>(records);
    total += c;
    result.overlap.push_back(slope);
    for (std::size_t t = 0; t < records; ++t) {
      contributions[t] += (fermi(forward[t] + c) - fermi(reverse[t] - c)) / slope;
    }
  }
  result.log_z = estimate_of(series_of(contributions, chains, 1, 0));
  result.log_z.estimate.value = total;
  return result;
}

}  // namespace equibolt
