// The precisions of the edges' products: how their operands lie in memory and meet. Included once per
// instruction set by Highway's foreach_target; see cpu_kernels.cc.
//
// Operands are arrays of words of 32 bits, of type float whatever they hold. In single precision a word is a
// number. In bf16, the upper half of a float's bits, it is two: a product of words adds both products of
// numbers, exact in single precision, to its sum. They have to be neighbours along the dimension that is
// summed over: along the row of a left matrix, and of two rows in the right matrix, or in both matrices where
// rows are summed over (by_rows).
#if defined(EQUIBOLT_EGNN_PRECISION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIBOLT_EGNN_PRECISION_INL_H_
#undef EQUIBOLT_EGNN_PRECISION_INL_H_
#else
#define EQUIBOLT_EGNN_PRECISION_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace equibolt::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Vectors of float, of 16 lanes at most (cpu_network.h pads to that).
using Floats = hn::CappedTag<float, 16>;
using Vector = hn::Vec<Floats>;

struct Fp32 {
  static constexpr std::size_t per_word = 1;

  static HWY_INLINE Vector multiply_add(Vector a, Vector b, Vector sum) { return hn::MulAdd(a, b, sum); }

  /// Two vectors of consecutive numbers to words, and back.
  static HWY_INLINE void store(Vector v0, Vector v1, float* to) {
    const Floats d;
    hn::Store(v0, d, to);
    hn::Store(v1, d, to + hn::Lanes(d));
  }
  static HWY_INLINE void load(const float* from, Vector& v0, Vector& v1) {
    const Floats d;
    v0 = hn::Load(d, from);
    v1 = hn::Load(d, from + hn::Lanes(d));
  }

  /// (rows, width), neighbours in a row to a word, to neighbours in a column; in `scratch` if they differ.
  static HWY_INLINE const float* by_rows(const float* from, std::size_t, std::size_t, float*) { return from; }
};

#if HWY_TARGET == HWY_AVX3
/// For processors with AVX512_BF16, which the compiler need not know of: the two instructions are spelt out.
struct Bf16 {
  static constexpr std::size_t per_word = 2;

  static HWY_INLINE Vector multiply_add(Vector a, Vector b, Vector sum) {
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
    return sum;
  }

  static HWY_INLINE void store(Vector v0, Vector v1, float* to) {
    Vector words;
    asm("vcvtne2ps2bf16 %1, %2, %0" : "=v"(words.raw) : "v"(v0.raw), "v"(v1.raw));
    hn::Store(words, Floats(), to);
  }
  static HWY_INLINE void load(const float* from, Vector& v0, Vector& v1) {
    const hn::CappedTag<std::uint32_t, 16> words;
    const hn::Rebind<std::uint16_t, decltype(words)> halves;
    const auto* const bits = reinterpret_cast<const std::uint16_t*>(from);
    const auto widened = [&](const std::uint16_t* half) HWY_ATTR {
      return hn::BitCast(Floats(), hn::ShiftLeft<16>(hn::PromoteTo(words, hn::Load(halves, half))));
    };
    v0 = widened(bits);
    v1 = widened(bits + 16);
  }

  /// The last row of an odd number meets zeros.
  static HWY_INLINE const float* by_rows(const float* from, std::size_t rows, std::size_t width,
                                         float* scratch) {
    const Floats d;
    const std::size_t words = width / per_word;
    alignas(64) static constexpr std::uint16_t interleave[32] = {0,  32, 1,  33, 2,  34, 3,  35, 4,  36, 5,
                                                                 37, 6,  38, 7,  39, 8,  40, 9,  41, 10, 42,
                                                                 11, 43, 12, 44, 13, 45, 14, 46, 15, 47};
    const __m512i low = _mm512_load_si512(interleave);
    const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
    for (std::size_t e = 0; e < rows; e += 2) {
      for (std::size_t c = 0; c < words; c += 16) {
        const float* const at = from + e * words + c;
        const __m512i v0 = _mm512_castps_si512(hn::Load(d, at).raw);
        const __m512i v1 =
            e + 1 < rows ? _mm512_castps_si512(hn::Load(d, at + words).raw) : _mm512_setzero_si512();
        float* const to = scratch + e / 2 * width + 2 * c;
        _mm512_store_ps(to, _mm512_castsi512_ps(_mm512_permutex2var_epi16(v0, low, v1)));
        _mm512_store_ps(to + 16, _mm512_castsi512_ps(_mm512_permutex2var_epi16(v0, high, v1)));
      }
    }
    return scratch;
  }
};
#endif

}  // namespace equibolt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // EQUIBOLT_EGNN_PRECISION_INL_H_
