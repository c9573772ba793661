#include "system/double_well.h"

#include <cassert>

#include "equibolt/error.h"
#include "system/shape.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "system/double_well.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "system/pair_energy-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equibolt {
namespace HWY_NAMESPACE {

/// With s = d − d0: u = s (a + s (b + c s²)) and u′ = a + s (2b + 4c s²).
struct DoubleWellPair {
  DoubleWellParameters p;

  template <class D>
  hn::Vec<D> energy_and_slope(D d, hn::Vec<D> d2, hn::Vec<D>& slope) const {
    const auto distance = hn::Sqrt(d2);
    const auto s = hn::Sub(distance, hn::Set(d, p.d0));
    const auto s2 = hn::Mul(s, s);
    const auto a = hn::Set(d, p.a);
    const auto derivative = hn::MulAdd(s, hn::MulAdd(hn::Set(d, 4 * p.c), s2, hn::Set(d, 2 * p.b)), a);
    // The lower bound makes 0 of 0/0 where the particles coincide.
    slope = hn::Div(derivative, hn::Max(distance, hn::Set(d, 1e-100)));
    return hn::Mul(s, hn::MulAdd(s, hn::MulAdd(hn::Set(d, p.c), s2, hn::Set(d, p.b)), a));
  }
};

void EvaluateDoubleWell(const DoubleWellParameters& parameters, const PairBatch& batch) {
  EvaluatePairs(DoubleWellPair{parameters}, 0.0, batch);
}

}  // namespace HWY_NAMESPACE
}  // namespace equibolt
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace equibolt {

HWY_EXPORT(EvaluateDoubleWell);

DoubleWell::DoubleWell(std::size_t particles, std::size_t dim, const DoubleWellParameters& parameters)
    : parameters_(parameters), types_(particles, 0), dim_(dim) {
  require_shape("double_well", particles, dim);
  if (!(parameters.c > 0)) {
    throw UsageError("double_well: expected c > 0 (else exp(-U) cannot be normalised), found {}",
                     parameters.c);
  }
}

void DoubleWell::evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                          ConfigurationsView<double> gradient, std::span<EnergyStatus> status) {
  assert(x.particles() == particles() && x.dim() == dim_);
  HWY_DYNAMIC_DISPATCH(EvaluateDoubleWell)(parameters_, {x, energy, gradient, status, &scratch_});
}

}  // namespace equibolt
#endif
