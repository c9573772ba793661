#include "egnn/cpu_kernels.h"
#include "equibolt/error.h"

// The kernels with bf16 operands (precision-inl.h), for the one instruction set that they are written for.
// Beside it Highway wants a fallback, which is HWY_SCALAR or, for most compilers, HWY_EMU128.
// clang-format off
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (~(HWY_AVX3 | HWY_SCALAR | HWY_EMU128))
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "egnn/cpu_kernels_bf16.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "egnn/cpu_kernels-inl.h"
// clang-format on

#if HWY_TARGET == HWY_AVX3
HWY_BEFORE_NAMESPACE();
namespace equibolt::HWY_NAMESPACE {

void forward_bf16(const Network& network, Workspace& workspace) {
  forward_pass<Bf16>(network, workspace);
}

void backward_bf16(const Network& network, Workspace& workspace, float* gradient, cpu::GradX grad_x) {
  backward_pass<Bf16>(network, workspace, gradient, grad_x);
}

}  // namespace equibolt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif

#if HWY_ONCE
namespace equibolt::cpu {

#if (HWY_TARGETS & HWY_AVX3) != 0
bool has_bf16() {
  return (hwy::SupportedTargets() & HWY_AVX3) != 0 && __builtin_cpu_supports("avx512bf16") != 0;
}

void forward_bf16(const Network& network, Workspace& workspace) {
  N_AVX3::forward_bf16(network, workspace);
}

void backward_bf16(const Network& network, Workspace& workspace, float* gradient, GradX grad_x) {
  N_AVX3::backward_bf16(network, workspace, gradient, grad_x);
}
#else
bool has_bf16() {
  return false;
}

void forward_bf16(const Network&, Workspace&) {
  throw UsageError("this program has no bf16 kernels for this processor; expected precision fp32");
}

void backward_bf16(const Network& network, Workspace& workspace, float*, GradX) {
  forward_bf16(network, workspace);
}
#endif

}  // namespace equibolt::cpu
#endif  // HWY_ONCE
