// Small matrix products with an epilogue. Included once per instruction set by Highway's foreach_target; see
// cpu_kernels.cc.
#if defined(EQUIBOLT_EGNN_MATMUL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIBOLT_EGNN_MATMUL_INL_H_
#undef EQUIBOLT_EGNN_MATMUL_INL_H_
#else
#define EQUIBOLT_EGNN_MATMUL_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "egnn/precision-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace equibolt::HWY_NAMESPACE {

/// Rows of one register block: 2·rows sums, two vectors of the right matrix and a broadcast have to fit.
/// AVX-512 and Arm have 32 vector registers, earlier x86 has 16. Better targets have lower numbers, and
/// Highway keeps adding some: all at least as good as AVX3 have its registers.
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3) || HWY_ARCH_ARM_A64
inline constexpr std::size_t block_rows = 12;
inline constexpr std::size_t outer_rows = 8;
#else
inline constexpr std::size_t block_rows = 6;
inline constexpr std::size_t outer_rows = 4;
#endif

template <class P, std::size_t Rows, class Epilogue>
HWY_INLINE void matmul_block(const float* HWY_RESTRICT a, std::size_t lda, const float* HWY_RESTRICT b,
                             std::size_t ldb, std::size_t depth, std::size_t row, std::size_t column,
                             const Epilogue& epilogue) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  Vector sum0[Rows];
  Vector sum1[Rows];
#pragma GCC unroll 16
  for (std::size_t r = 0; r < Rows; ++r) {
    sum0[r] = hn::Zero(d);
    sum1[r] = hn::Zero(d);
  }
  // One pointer for three rows: their offsets are what addresses of x86 can hold.
  constexpr std::size_t groups = (Rows + 2) / 3;
  const float* HWY_RESTRICT from[groups];
#pragma GCC unroll 4
  for (std::size_t g = 0; g < groups; ++g) from[g] = a + (row + 3 * g) * lda;
  b += column;
  for (std::size_t k = 0; k < depth; ++k) {
    const Vector b0 = hn::Load(d, b);
    const Vector b1 = hn::Load(d, b + lanes);
#pragma GCC unroll 16
    for (std::size_t r = 0; r < Rows; ++r) {
      const Vector broadcast = hn::Set(d, from[r / 3][(r % 3) * lda]);
      sum0[r] = P::multiply_add(broadcast, b0, sum0[r]);
      sum1[r] = P::multiply_add(broadcast, b1, sum1[r]);
    }
#pragma GCC unroll 4
    for (std::size_t g = 0; g < groups; ++g) ++from[g];
    b += ldb;
  }
  if constexpr (requires { epilogue(row, column, sum0, sum1); }) {
    epilogue(row, column, sum0, sum1);
  } else {
#pragma GCC unroll 16
    for (std::size_t r = 0; r < Rows; ++r) epilogue(row + r, column, sum0[r], sum1[r]);
  }
}

/// C = A B for A (rows, depth) and B (depth, columns), row-major with leading dimensions lda and ldb; B
/// aligned and `columns` a multiple of two vectors. C goes to epilogue(row, column, c0, c1), two vectors at a
/// time or, where the epilogue takes arrays c0[rows] and c1[rows], a block at a time: columns outermost, so
/// that a panel of B stays in the first cache. With P = Bf16 the numbers of A and B are words, of neighbours
/// in A's rows and in B's columns; C's are not.
template <class P = Fp32, class Epilogue>
HWY_INLINE void matmul(const float* HWY_RESTRICT a, std::size_t lda, std::size_t rows,
                       const float* HWY_RESTRICT b, std::size_t ldb, std::size_t depth, std::size_t columns,
                       const Epilogue& epilogue) {
  const std::size_t step = 2 * hn::Lanes(Floats());
  for (std::size_t column = 0; column < columns; column += step) {
    std::size_t row = 0;
    for (; row + block_rows <= rows; row += block_rows) {
      matmul_block<P, block_rows>(a, lda, b, ldb, depth, row, column, epilogue);
    }
    for (; row + block_rows / 3 <= rows; row += block_rows / 3) {
      matmul_block<P, block_rows / 3>(a, lda, b, ldb, depth, row, column, epilogue);
    }
    for (; row + 2 <= rows; row += 2) matmul_block<P, 2>(a, lda, b, ldb, depth, row, column, epilogue);
    for (; row < rows; ++row) matmul_block<P, 1>(a, lda, b, ldb, depth, row, column, epilogue);
  }
}

/// G += Zᵀ A for Z (rows, outputs) and A (rows, inputs): the gradient of a weight matrix (outputs, inputs).
/// `outputs` and `inputs` are multiples of 32; A and G are aligned. With P = Bf16 the rows are of words.
template <class P = Fp32>
HWY_INLINE void add_outer(const float* HWY_RESTRICT z, std::size_t ldz, std::size_t outputs,
                          const float* HWY_RESTRICT a, std::size_t lda, std::size_t inputs, std::size_t rows,
                          float* HWY_RESTRICT g, std::size_t ldg) {
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t column = 0; column < inputs; column += 2 * lanes) {
    for (std::size_t output = 0; output < outputs; output += outer_rows) {
      Vector sum0[outer_rows];
      Vector sum1[outer_rows];
      float* HWY_RESTRICT to = g + output * ldg + column;
#pragma GCC unroll 16
      for (std::size_t o = 0; o < outer_rows; ++o) {
        sum0[o] = hn::Load(d, to + o * ldg);
        sum1[o] = hn::Load(d, to + o * ldg + lanes);
      }
      for (std::size_t row = 0; row < rows; ++row) {
        const Vector a0 = hn::Load(d, a + row * lda + column);
        const Vector a1 = hn::Load(d, a + row * lda + column + lanes);
        const float* HWY_RESTRICT from = z + row * ldz + output;
#pragma GCC unroll 16
        for (std::size_t o = 0; o < outer_rows; ++o) {
          const Vector broadcast = hn::Set(d, from[o]);
          sum0[o] = P::multiply_add(broadcast, a0, sum0[o]);
          sum1[o] = P::multiply_add(broadcast, a1, sum1[o]);
        }
      }
#pragma GCC unroll 16
      for (std::size_t o = 0; o < outer_rows; ++o) {
        hn::Store(sum0[o], d, to + o * ldg);
        hn::Store(sum1[o], d, to + o * ldg + lanes);
      }
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
/// Σ of each 4 neighbours: a de-interleaving load is a transposition.
HWY_INLINE Vector sum_quads(const float* from) {
  const Floats d;
  Vector v0, v1, v2, v3;
  hn::LoadInterleaved4(d, from, v0, v1, v2, v3);
  return hn::Add(hn::Add(v0, v1), hn::Add(v2, v3));
}
#endif

/// sums[r] = Σ_lane partial[r·lanes + lane] for all rows; both arrays padded to a multiple of 16 rows.
HWY_INLINE void sum_rows(const float* HWY_RESTRICT partial, std::size_t rows, float* HWY_RESTRICT sums) {
#if HWY_TARGET == HWY_SCALAR
  std::copy_n(partial, rows, sums);
#else
  const Floats d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t row = 0; row < rows; row += lanes) {
    const float* from = partial + row * lanes;
    if (lanes == 4) {
      hn::StoreU(sum_quads(from), d, sums + row);
    } else if (lanes == 8) {
      HWY_ALIGN float pairs[16];
      hn::Store(sum_quads(from), d, pairs);
      hn::Store(sum_quads(from + 32), d, pairs + 8);
      Vector v0, v1;
      hn::LoadInterleaved2(d, pairs, v0, v1);
      hn::StoreU(hn::Add(v0, v1), d, sums + row);
    } else {
      HWY_ALIGN float quads[64];
      for (std::size_t q = 0; q < 4; ++q) hn::Store(sum_quads(from + q * 64), d, quads + q * 16);
      hn::StoreU(sum_quads(quads), d, sums + row);
    }
  }
#endif
}

}  // namespace equibolt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // EQUIBOLT_EGNN_MATMUL_INL_H_
