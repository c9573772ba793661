// Energies that are sums over pairs of particles, with one configuration in each vector lane: no remainders
// in N, no horizontal sums, and a configuration's result does not depend on the batch it came in.
// Included once per instruction set (Highway), hence the toggled guard.
#if defined(EQUIBOLT_SYSTEM_PAIR_ENERGY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIBOLT_SYSTEM_PAIR_ENERGY_INL_H_
#undef EQUIBOLT_SYSTEM_PAIR_ENERGY_INL_H_
#else
#define EQUIBOLT_SYSTEM_PAIR_ENERGY_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <limits>

#include "system/pair_energy.h"

HWY_BEFORE_NAMESPACE();
namespace equibolt {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// U = Σ_{i<j} u(d_ij) + ½ trap Σ_i |x_i − x̄|². With d² of a pair,
///   pair.energy_and_slope(d, d2, slope) returns u(d) and sets slope = u′(d)/d,
/// so that ∂u/∂x_i = slope · (x_i − x_j). Positions are x[(i·D + k)·lanes + lane], gradient g alike.
/// Returns U of each lane.
template <bool kGradient, class D, class Pair>
hn::Vec<D> LanesOfPairs(D d, const Pair& pair, double trap, std::size_t particles, std::size_t dim,
                        const double* HWY_RESTRICT x, double* HWY_RESTRICT g) {
  using V = hn::Vec<D>;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t row = dim * lanes;
  const V zero = hn::Zero(d);

  V trapped = zero;
  for (std::size_t k = 0; k < dim; ++k) {
    V mean = zero;
    for (std::size_t i = 0; i < particles; ++i) mean = hn::Add(mean, hn::Load(d, x + i * row + k * lanes));
    mean = hn::Mul(mean, hn::Set(d, 1.0 / static_cast<double>(particles)));
    for (std::size_t i = 0; i < particles; ++i) {
      const V centred = hn::Sub(hn::Load(d, x + i * row + k * lanes), mean);
      trapped = hn::MulAdd(centred, centred, trapped);
      if constexpr (kGradient) {
        hn::Store(hn::Mul(hn::Set(d, trap), centred), d, g + i * row + k * lanes);
      }
    }
  }

  V energy = hn::Mul(hn::Set(d, trap / 2), trapped);
  for (std::size_t i = 0; i < particles; ++i) {
    const double* HWY_RESTRICT xi = x + i * row;
    for (std::size_t j = i + 1; j < particles; ++j) {
      const double* HWY_RESTRICT xj = x + j * row;
      V d2 = zero;
      for (std::size_t k = 0; k < row; k += lanes) {
        const V difference = hn::Sub(hn::Load(d, xi + k), hn::Load(d, xj + k));
        d2 = hn::MulAdd(difference, difference, d2);
      }
      V slope;
      energy = hn::Add(energy, pair.energy_and_slope(d, d2, slope));
      if constexpr (kGradient) {
        for (std::size_t k = 0; k < row; k += lanes) {
          const V difference = hn::Sub(hn::Load(d, xi + k), hn::Load(d, xj + k));
          double* gi = g + i * row + k;
          double* gj = g + j * row + k;
          hn::Store(hn::MulAdd(slope, difference, hn::Load(d, gi)), d, gi);
          hn::Store(hn::NegMulAdd(slope, difference, hn::Load(d, gj)), d, gj);
        }
      }
    }
  }
  return energy;
}

template <class Pair>
void EvaluatePairs(const Pair& pair, double trap, const PairBatch& batch) {
  const hn::ScalableTag<double> d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t count = batch.x.count();
  const std::size_t coordinates = batch.x.coordinates();
  const bool wanted = batch.gradient.size() != 0;
  double* HWY_RESTRICT x = batch.scratch->at_least((2 * coordinates + 2) * lanes);
  double* HWY_RESTRICT g = x + coordinates * lanes;
  double* HWY_RESTRICT energies = g + coordinates * lanes;
  double* HWY_RESTRICT checks = energies + lanes;

  for (std::size_t first = 0; first < count; first += lanes) {
    const std::size_t used = std::min(lanes, count - first);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      // Lanes left over repeat the last configuration.
      const double* from = batch.x.data() + (first + std::min(lane, used - 1)) * coordinates;
      for (std::size_t k = 0; k < coordinates; ++k) x[k * lanes + lane] = from[k];
    }
    // With D known to the compiler the loops over k unroll.
    const auto lanes_of_pairs = [&](std::size_t dim) HWY_ATTR {
      return wanted ? LanesOfPairs<true>(d, pair, trap, batch.x.particles(), dim, x, g)
                    : LanesOfPairs<false>(d, pair, trap, batch.x.particles(), dim, x, g);
    };
    const std::size_t dim = batch.x.dim();
    const auto energy = dim == 3 ? lanes_of_pairs(3) : dim == 2 ? lanes_of_pairs(2) : lanes_of_pairs(dim);
    // 0 where the energy and the whole gradient are finite, NaN elsewhere.
    auto check = hn::Mul(energy, hn::Zero(d));
    if (wanted) {
      for (std::size_t k = 0; k < coordinates; ++k) {
        check = hn::MulAdd(hn::Load(d, g + k * lanes), hn::Zero(d), check);
      }
    }
    hn::Store(energy, d, energies);
    hn::Store(check, d, checks);
    for (std::size_t lane = 0; lane < used; ++lane) {
      const std::size_t b = first + lane;
      const bool finite = checks[lane] == 0;
      batch.status[b] = finite ? EnergyStatus::ok : EnergyStatus::not_finite;
      batch.energy[b] = finite ? energies[lane] : std::numeric_limits<double>::infinity();
      if (!wanted) continue;
      double* to = batch.gradient.data() + b * coordinates;
      for (std::size_t k = 0; k < coordinates; ++k) to[k] = finite ? g[k * lanes + lane] : 0.0;
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace equibolt
HWY_AFTER_NAMESPACE();

#endif
