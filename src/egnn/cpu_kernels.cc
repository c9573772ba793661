#include "egnn/cpu_kernels.h"

// clang-format off
#include "egnn/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "egnn/cpu_kernels.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "egnn/cpu_kernels-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace equibolt::HWY_NAMESPACE {

void forward_fp32(const Network& network, Workspace& workspace) {
  forward_pass<Fp32>(network, workspace);
}

void backward_fp32(const Network& network, Workspace& workspace, float* gradient, cpu::GradX grad_x) {
  backward_pass<Fp32>(network, workspace, gradient, grad_x);
}

}  // namespace equibolt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace equibolt::cpu {

HWY_EXPORT(forward_fp32);
HWY_EXPORT(backward_fp32);

void forward(const Network& network, Workspace& workspace) {
  if (workspace.precision == Precision::bf16) return forward_bf16(network, workspace);
  HWY_DYNAMIC_DISPATCH(forward_fp32)(network, workspace);
}

void backward(const Network& network, Workspace& workspace, float* gradient, GradX grad_x) {
  if (workspace.precision == Precision::bf16) return backward_bf16(network, workspace, gradient, grad_x);
  HWY_DYNAMIC_DISPATCH(backward_fp32)(network, workspace, gradient, grad_x);
}

}  // namespace equibolt::cpu
#endif  // HWY_ONCE
