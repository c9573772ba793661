#pragma once

#include "egnn/cpu_network.h"

namespace equibolt::cpu {

// One sample on the best instruction set that the machine has, in the workspace's precision. The particles
// are in the network's order.

/// From workspace.t and .x the displacement .u = x^L − x^0, mean included.
void forward(const Network& network, Workspace& workspace);

/// After `forward` with a workspace that keeps what is needed: adds the weights' gradient of Σ cot_v·u to
/// `gradient` (network.gradient_size(), aligned), unless it is null, and, where wanted or `gradient` is null,
/// writes that of x to workspace.grad_x. cot_v has to be mean-free.
enum class GradX { not_wanted, wanted };
void backward(const Network& network, Workspace& workspace, float* gradient, GradX grad_x);

/// Whether the machine has the instructions for Precision::bf16.
bool has_bf16();

// What the above call for a workspace in bf16.
void forward_bf16(const Network& network, Workspace& workspace);
void backward_bf16(const Network& network, Workspace& workspace, float* gradient, GradX grad_x);

}  // namespace equibolt::cpu
