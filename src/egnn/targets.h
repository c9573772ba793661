// Before hwy/foreach_target.h: the instruction sets that the kernels are compiled for. No include guard:
// Highway's defaults would come first.

// Vectors without a size at compile time cannot fill register blocks; SSSE3 is not worth its code.
#undef HWY_DISABLED_TARGETS
#ifdef EQUIBOLT_FEW_TARGETS  // none and the widest, which overruns most: for sanitizers and short compile
                             // times
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX2 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#else
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#endif
