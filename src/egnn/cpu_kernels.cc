#include "egnn/cpu_kernels.h"

// Vectors without a size at compile time cannot fill register blocks; SSSE3 is not worth its code.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "egnn/cpu_kernels.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// clang-format off
#include "egnn/cpu_kernels-inl.h"
// clang-format on

#if HWY_ONCE
namespace equibolt::cpu {

HWY_EXPORT(forward);
HWY_EXPORT(backward);

void forward(const Network& network, Workspace& workspace) {
  HWY_DYNAMIC_DISPATCH(forward)(network, workspace);
}

void backward(const Network& network, Workspace& workspace, float* gradient, GradX grad_x) {
  HWY_DYNAMIC_DISPATCH(backward)(network, workspace, gradient, grad_x);
}

}  // namespace equibolt::cpu
#endif  // HWY_ONCE
