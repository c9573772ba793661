#include "system/lennard_jones.h"

#include <cassert>

#include "equibolt/error.h"
#include "system/shape.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "system/lennard_jones.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "system/pair_energy-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equibolt {
namespace HWY_NAMESPACE {

/// With s = (rm/d)⁶: u = e (s² − 2s) and u′/d = 12 e (s − s²)/d².
struct LennardJonesPair {
  double depth;  ///< e = pair_factor·ε
  double rm;

  template <class D>
  hn::Vec<D> energy_and_slope(D d, hn::Vec<D> d2, hn::Vec<D>& slope) const {
    const auto inverse = hn::Div(hn::Set(d, 1.0), d2);
    const auto ratio = hn::Mul(hn::Set(d, rm * rm), inverse);
    const auto s = hn::Mul(ratio, hn::Mul(ratio, ratio));
    const auto es = hn::Mul(hn::Set(d, depth), s);
    slope = hn::Mul(hn::Mul(hn::Set(d, 12.0), inverse), hn::NegMulAdd(es, s, es));
    return hn::Mul(es, hn::Sub(s, hn::Set(d, 2.0)));
  }
};

void EvaluateLennardJones(const LennardJonesParameters& parameters, const PairBatch& batch) {
  const LennardJonesPair pair{parameters.pair_factor * parameters.epsilon, parameters.rm};
  EvaluatePairs(pair, parameters.trap, batch);
}

}  // namespace HWY_NAMESPACE
}  // namespace equibolt
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace equibolt {

HWY_EXPORT(EvaluateLennardJones);

LennardJones::LennardJones(std::size_t particles, std::size_t dim, const LennardJonesParameters& parameters)
    : parameters_(parameters), types_(particles, 0), dim_(dim) {
  require_shape("lennard_jones", particles, dim);
  const auto positive = [](const char* name, double value) {
    if (!(value > 0)) throw UsageError("lennard_jones: expected {} > 0, found {}", name, value);
  };
  positive("epsilon", parameters.epsilon);
  positive("rm", parameters.rm);
  positive("pair_factor", parameters.pair_factor);
  if (!(parameters.trap >= 0)) {
    throw UsageError("lennard_jones: expected trap >= 0, found {}", parameters.trap);
  }
}

void LennardJones::evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                            ConfigurationsView<double> gradient, std::span<EnergyStatus> status) {
  assert(x.particles() == particles() && x.dim() == dim_);
  HWY_DYNAMIC_DISPATCH(EvaluateLennardJones)(parameters_, {x, energy, gradient, status, &scratch_});
}

}  // namespace equibolt
#endif
