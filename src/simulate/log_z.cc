#include "simulate/log_z.h"

#include <algorithm>
#include <cmath>

namespace equibolt {
namespace {

/// 1/(1 + e^x), right for infinite x.
double fermi(double x) {
  return 1 / (1 + std::exp(x));
}

/// Records of two neighbours a, b: for each, ln of the unnormalised density ratio a/b at the sample of a and
/// at that of b.
struct Neighbours {
  std::vector<double> at_a;
  std::vector<double> at_b;
};

Neighbours neighbours_of(std::span<const Rung> rungs, std::size_t a, std::span<const double> energy,
                         std::span<const double> half_square) {
  const auto log_ratio = [&](std::size_t at) {
    return reduced_energy(rungs[a + 1], energy[at], half_square[at]) -
           reduced_energy(rungs[a], energy[at], half_square[at]);
  };
  Neighbours neighbours;
  for (std::size_t first = 0; first < energy.size(); first += rungs.size()) {
    neighbours.at_a.push_back(log_ratio(first + a));
    neighbours.at_b.push_back(log_ratio(first + a + 1));
  }
  return neighbours;
}

/// Bennett's equation for c = ln(Z_a/Z_b), with as many samples of each: the mean of
/// fermi(c − r) at b equals that of fermi(r − c) at a, r = at_…. Their difference falls with c.
double bennett(const Neighbours& neighbours) {
  const auto surplus = [&](double c) {
    double sum = 0;
    for (const double r : neighbours.at_b) sum += fermi(c - r);
    for (const double r : neighbours.at_a) sum -= fermi(r - c);
    return sum;
  };
  double below = -1;
  double above = 1;
  while (surplus(below) < 0 && below > -1e6) below *= 2;
  while (surplus(above) > 0 && above < 1e6) above *= 2;
  for (int halving = 0; halving < 60 && above - below > 1e-10; ++halving) {
    const double middle = (below + above) / 2;
    (surplus(middle) > 0 ? below : above) = middle;
  }
  return (below + above) / 2;
}

}  // namespace

LogZ log_z_of(std::span<const Rung> rungs, std::span<const double> energy,
              std::span<const double> half_square, std::size_t chains) {
  const std::size_t records = energy.size() / rungs.size();  // of all chains
  double total = 0;
  std::vector<double> contributions(records, 0.0);  // (records per chain, C)
  LogZ result;
  for (std::size_t a = 0; a + 1 < rungs.size(); ++a) {
    const Neighbours neighbours = neighbours_of(rungs, a, energy, half_square);
    const double c = bennett(neighbours);
    // d(surplus)/dc = −Σ p (1−p) over both sets.
    double slope = 0;
    for (const auto* ratios : {&neighbours.at_a, &neighbours.at_b}) {
      for (const double r : *ratios) slope += fermi(c - r) * fermi(r - c);
    }
    slope /= static_cast<double>(records);
    total += c;
    result.overlap.push_back(slope);
    for (std::size_t t = 0; t < records; ++t) {
      contributions[t] += (fermi(c - neighbours.at_b[t]) - fermi(neighbours.at_a[t] - c)) / slope;
    }
  }
  result.estimate = estimate_of(series_of(contributions, chains, 1, 0));
  result.estimate.value = total;
  return result;
}

}  // namespace equibolt
