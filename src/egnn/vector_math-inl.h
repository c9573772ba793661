// Functions of one number on whole vectors, in float. Included once per instruction set by Highway's
// foreach_target; see cpu_kernels.cc.
#if defined(EQUIBOLT_EGNN_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIBOLT_EGNN_VECTOR_MATH_INL_H_
#undef EQUIBOLT_EGNN_VECTOR_MATH_INL_H_
#else
#define EQUIBOLT_EGNN_VECTOR_MATH_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace equibolt::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// 1/y for y in [1, 1e36], to 1.5 ulp where the target has an approximation to start from.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V reciprocal([[maybe_unused]] D d, V y) {
  const V one = hn::Set(d, 1.0F);
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
  const V r = hn::ApproximateReciprocal(y);  // 12 bits or more; one step of Newton's doubles them
  return hn::MulAdd(r, hn::NegMulAdd(y, r, one), r);
#else
  return hn::Div(one, y);
#endif
}

/// e^z for |z| ≤ 80, relative error below 2e-7 for |z| ≤ 5 and 1e-6 in all: 2^n·2^f with f in ±1/2, and for
/// 2^f the polynomial of degree 5 with p(0) = 1 and the least relative error, 1.1e-7.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_bounded(D d, V z) {
  const hn::RebindToSigned<D> di;
  const V log2_e = hn::Set(d, 1.44269504F);
  const V round_to_int = hn::Set(d, 12582912.0F);  // 1.5·2^23: the integer lands in the lowest bits
  const V shifted = hn::MulAdd(z, log2_e, round_to_int);
  const V f = hn::MulSub(z, log2_e, hn::Sub(shifted, round_to_int));
  V p = hn::Set(d, 0.0013264727F);
  p = hn::MulAdd(p, f, hn::Set(d, 0.009671513F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.055507336F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.24022242F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.693147F));
  p = hn::MulAdd(p, f, hn::Set(d, 1.0F));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::BitCast(di, shifted))));
}

/// z in ±80, where sigmoid and tanh are 0 or ±1 to float's precision. The order of arguments keeps NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V clamped(D d, V z) {
  return hn::Max(hn::Set(d, -80.0F), hn::Min(hn::Set(d, 80.0F), z));
}

/// 1 / (1 + e^(−z)).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid(D d, V z) {
  const V one = hn::Set(d, 1.0F);
  return reciprocal(d, hn::Add(one, exp_bounded(d, hn::Neg(clamped(d, z)))));
}

/// z·sigmoid(z), and its derivative s·(1 + z − z·s).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V silu(D d, V z, V* derivative = nullptr) {
  z = hn::Max(hn::Set(d, -80.0F), z);  // silu(−80) is 0, silu(−∞) would be NaN
  const V s = sigmoid(d, z);
  const V a = hn::Mul(z, s);
  if (derivative != nullptr) *derivative = hn::Mul(s, hn::Add(hn::Set(d, 1.0F), hn::Sub(z, a)));
  return a;
}

/// Relative error below 4e-7, for small arguments too: there an odd polynomial, elsewhere 1 − 2/(1 + e^(2z)).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh(D d, V z) {
  const V square = hn::Mul(z, z);
  V p = hn::Set(d, -0.005528634F);
  p = hn::MulAdd(p, square, hn::Set(d, 0.020483317F));
  p = hn::MulAdd(p, square, hn::Set(d, -0.053692967F));
  p = hn::MulAdd(p, square, hn::Set(d, 0.13330899F));
  p = hn::MulAdd(p, square, hn::Set(d, -0.33333263F));
  const V small = hn::MulAdd(hn::Mul(z, square), p, z);
  const V one = hn::Set(d, 1.0F);
  const V two = hn::Set(d, 2.0F);
  const V large = hn::NegMulAdd(two, sigmoid(d, hn::Mul(hn::Set(d, -2.0F), z)), one);
  return hn::IfThenElse(hn::Lt(hn::Abs(z), hn::Set(d, 0.65F)), small, large);
}

}  // namespace equibolt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // EQUIBOLT_EGNN_VECTOR_MATH_INL_H_
