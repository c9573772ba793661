#include "analyze/wasserstein.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "analyze/weights.h"
#include "core/random.h"

namespace equibolt {
namespace {

/// Equal weights where none are given.
std::vector<double> shares_of(std::span<const double> log_weights, std::size_t count) {
  require_count(count, 1, "samples");
  if (log_weights.empty()) return std::vector<double>(count, 1 / static_cast<double>(count));
  if (log_weights.size() != count) throw DataError("{} values, {} weights", count, log_weights.size());
  return normalised_weights(log_weights);
}

/// (value, share), ascending, without values of weight zero.
std::vector<std::pair<double, double>> atoms_of(const ObservedSample& sample) {
  const std::vector<double> shares = shares_of(sample.log_weights, sample.values.size());
  std::vector<std::pair<double, double>> atoms;
  for (std::size_t k = 0; k < shares.size(); ++k) {
    if (!(shares[k] > 0)) continue;
    if (!std::isfinite(sample.values[k])) {
      throw NumericalError("Wasserstein distance: value {} is {}", k, sample.values[k]);
    }
    atoms.emplace_back(sample.values[k], shares[k]);
  }
  std::ranges::sort(atoms);
  return atoms;
}

}  // namespace

double wasserstein2(const ObservedSample& a, const ObservedSample& b) {
  const auto left = atoms_of(a), right = atoms_of(b);
  double sum = 0, rest_left = left[0].second, rest_right = right[0].second;
  for (std::size_t i = 0, j = 0; i < left.size() && j < right.size();) {
    const double share = std::min(rest_left, rest_right);
    const double distance = left[i].first - right[j].first;
    sum += share * distance * distance;
    rest_left -= share;
    rest_right -= share;
    if (!(rest_left > 0) && ++i < left.size()) rest_left = left[i].second;
    if (!(rest_right > 0) && ++j < right.size()) rest_right = right[j].second;
  }
  return std::sqrt(sum);
}

std::vector<double> torus_map(std::span<const double> phi, std::span<const double> psi,
                              std::span<const double> log_weights, std::size_t bins) {
  if (phi.size() != psi.size()) throw DataError("{} and {} angles", phi.size(), psi.size());
  require_count(bins, 1, "bins");
  const std::vector<double> shares = shares_of(log_weights, phi.size());
  const auto bin_of = [&](double angle, std::size_t k) {
    if (!std::isfinite(angle)) throw NumericalError("torus map: angle {} is {}", k, angle);
    const double turn = angle / (2 * std::numbers::pi) + 0.5;
    return std::min(bins - 1,
                    static_cast<std::size_t>((turn - std::floor(turn)) * static_cast<double>(bins)));
  };
  std::vector<double> map(bins * bins, 0.0);
  for (std::size_t k = 0; k < shares.size(); ++k) {
    if (shares[k] > 0) map[bin_of(phi[k], k) * bins + bin_of(psi[k], k)] += shares[k];
  }
  return map;
}

double total_variation(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) throw DataError("total variation of {} and {} shares", a.size(), b.size());
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += std::abs(a[k] - b[k]);
  return sum / 2;
}

std::vector<std::size_t> resampled(std::span<const double> log_weights, std::size_t n, std::uint64_t seed) {
  const std::vector<double> shares = normalised_weights(log_weights);
  const double start = 1 - Random(seed, Stream::bootstrap, 0, 2).uniform();  // in [0, 1)
  std::vector<std::size_t> chosen;
  double sum = 0;
  std::size_t last = 0;
  for (std::size_t k = 0; k < shares.size(); ++k) {
    if (!(shares[k] > 0)) continue;
    last = k;
    sum += shares[k] * static_cast<double>(n);
    while (chosen.size() < n && static_cast<double>(chosen.size()) + start < sum) chosen.push_back(k);
  }
  chosen.resize(n, last);  // where rounding has left one out
  return chosen;
}

}  // namespace equibolt
