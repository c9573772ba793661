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

#undef EQUIBOLT_X86_VECTORS
#define EQUIBOLT_X86_VECTORS (HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR)

HWY_BEFORE_NAMESPACE();
namespace equibolt::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// 1/y for y in [1, 1e36], to 1.5 ulp where the target has an approximation to start from.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V reciprocal([[maybe_unused]] D d, V y) {
  const V one = hn::Set(d, 1.0F);
#if EQUIBOLT_X86_VECTORS
  const V r = hn::ApproximateReciprocal(y);  // 12 bits or more; one step of Newton's doubles them
  return hn::MulAdd(r, hn::NegMulAdd(y, r, one), r);
#else
  return hn::Div(one, y);
#endif
}

/// e^(−z) for |z| ≤ 80: 2^n·2^f with f in ±1/2, and for 2^f the polynomial of degree 5 with p(0) = 1 and the
/// least relative error, 1.1e-7. That of log2(e) adds 2e-8·|z|.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_of_negative(D d, V z) {
  const hn::RebindToSigned<D> di;
  const V minus_log2_e = hn::Set(d, -1.44269504F);
  const V round_to_int = hn::Set(d, 12582912.0F);  // 1.5·2^23: the integer lands in the lowest bits
  const V shifted = hn::MulAdd(z, minus_log2_e, round_to_int);
  const V f = hn::MulSub(z, minus_log2_e, hn::Sub(shifted, round_to_int));
  V p = hn::Set(d, 0.0013264727F);
  p = hn::MulAdd(p, f, hn::Set(d, 0.009671513F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.055507336F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.24022242F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.693147F));
  p = hn::MulAdd(p, f, hn::Set(d, 1.0F));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::BitCast(di, shifted))));
}

// Beyond ±80 sigmoid and tanh are 0 or ±1 to float's precision. NaN stays: x86 vectors return the second
// argument where one is NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V at_least_minus_80(D d, V z) {
  const V bound = hn::Set(d, -80.0F);
#if EQUIBOLT_X86_VECTORS
  return hn::Max(bound, z);
#else
  return hn::IfThenElse(hn::Lt(z, bound), bound, z);
#endif
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V at_most_80(D d, V z) {
  const V bound = hn::Set(d, 80.0F);
#if EQUIBOLT_X86_VECTORS
  return hn::Min(bound, z);
#else
  return hn::IfThenElse(hn::Gt(z, bound), bound, z);
#endif
}

/// 1 / (1 + e^(−z)), relative error below 2e-7 + 3e-8·|z|, and 1 where it should be: an exact division, since
/// `reciprocal` stays below 1 by half an ulp, which over the saturated gates of many edges adds up in 1 − g.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid(D d, V z) {
  const V one = hn::Set(d, 1.0F);
  return hn::Div(one, hn::Add(one, exp_of_negative(d, at_most_80(d, at_least_minus_80(d, z)))));
}

/// z·s with s = sigmoid(z), and its derivative s + z s·e^(−z) s, where nothing is subtracted. z ≤ 1e28.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V silu(D d, V z, V* derivative = nullptr) {
  z = at_least_minus_80(d, z);  // silu(−80) is 0, silu(−∞) would be NaN
  const V e = exp_of_negative(d, at_most_80(d, z));
  const V s = reciprocal(d, hn::Add(hn::Set(d, 1.0F), e));
  const V a = hn::Mul(z, s);
  if (derivative != nullptr) *derivative = hn::MulAdd(a, hn::Mul(e, s), s);
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
