#pragma once

#include <hwy/aligned_allocator.h>

#include <cstddef>
#include <span>
#include <vector>

#include "egnn/cpu_network.h"

namespace equibolt::cpu {

/// Scratch memory of one worker for velocity_and_divergence; about 4·N²·D·W numbers, W the padded width. Rows
/// of edges i←j are i·N + j, those with i = j zero; tangents are k = d·N + p for the derivative by x_pd, T =
/// N·D in all; S is N padded to a multiple of 16, for arrays with particles in the lanes.
struct DivergenceWorkspace {
  explicit DivergenceWorkspace(const Network& network);

  /// All numbers, for tests that fill them with NaN.
  std::span<float> values() { return {memory.get(), size}; }

  /// What the edges of one layer leave (docs/mathematics-divergence.md, section 1).
  struct Edges {
    float* s1;      ///< (N², W): silu′ of the first map
    float* s2;      ///< (N², W): silu′ of the second times the gate
    float* m;       ///< (N², W): before the gate
    float* rho;     ///< (N², W): the gate's reverse row
    float* lambda;  ///< (N², W)
    float* r;       ///< (N², D)
    float* d2;      ///< (N²,), as the following
    float* q;
    float* omega;
    float* alpha;
    float* beta;
    float* sigma;  ///< (N, W): silu′ of the node network
  };
  struct Pair {
    std::size_t i, j;
    bool mirrored;  ///< stands for j←i too
  };
  std::vector<Pair> first_edges;
  std::vector<Pair> edges;

  Edges layer, last;
  float* x;            ///< (N, D): input positions, in the network's order of particles
  float* u;            ///< (N, D): x^l − x^0
  float* r0;           ///< (N², D): x^0_i − x^0_j
  float* d2_input;     ///< (N²,)
  float* node_input;   ///< (N, 2W): h, then Σ_j of the gated messages
  float* node_hidden;  ///< (N, W)
  float* pq;           ///< (N, 2W): W1's parts for h_i and h_j, applied
  float* mu;           ///< (N², W): layer 0's E ∂m_ij/∂d²

  float* dx;        ///< (N, D, D, S): ∂x^l_ie/∂x_pd at [i][e][d][p]
  float* dx_next;   ///< the same
  float* dh;        ///< (N, T, W): ∂h^l_i/∂x_k
  float* dq;        ///< (N, T, W): B ∂h^l_j/∂x_k
  float* phi;       ///< (N, T, S'): λ_ij·dq_jk at [j][k][i], S' a multiple of 32
  float* lambda_t;  ///< (W, S')
  float* theta;     ///< (N, N, D, S) at [j][i]: cotangent of q λ_ij·ė_ij
  // of one particle i
  float* dp;            ///< (T, W): A ∂h_i/∂x_k
  float* dp_x;          ///< (T, D)
  float* dm;            ///< (T + S, W): ∂(Σ_j m_ij)/∂x_k
  float* dd2;           ///< (N, D, S): ∂d²_ij/∂x_k
  float* jacobian;      ///< (W, W): J_ijᵀ
  float* jacobian_sum;  ///< (W, W)
  float* jacobian_uw;   ///< (2, N, W): J_ij u, J_ij w
  float* cot_x;         ///< (D, D, S): x̄_i at [e][d][p]
  float* direction;     ///< (D, S): r_pi of the last layer
  float* dd2_along;     ///< (N, S): ∂d²_ij contracted with it
  float* cot_h;         ///< (N + D, W): h̄, and columns like it in the following
  float* cot_inner;     ///< (N + D, W): τ̄
  float* kappa;         ///< (N + D, W)
  float* kappa_t;       ///< (W, S')
  float* chi;           ///< (N, S')
  float* h_along;       ///< (N + D, W)
  float* p_along;       ///< (N + D, W)
  float* columns;       ///< (N + D, W)
  float* rows_d;        ///< (2, D, W)
  // of one tile of edges
  float* tile_a;  ///< (2·tile, W)
  float* tile_b;
  float* tile_m;
  float* tile_s;
  float* partial;  ///< (2·tile, 16)
  float* partial_b;
  float* sums;  ///< (2·tile,)
  float* sums_b;
  float* gate;

  static constexpr std::size_t tile_rows = 96;
  std::size_t particles, dim, width, stride, wide_stride;

  hwy::AlignedFreeUniquePtr<float[]> memory;
  std::size_t size = 0;
};

/// v (N, D) at time t and configuration x (N, D), and its exact divergence Σ_k ∂v_k/∂x_k, which is returned.
/// D ≤ 3. Takes the best instruction set at run time.
double velocity_and_divergence(const Network& network, float t, std::span<const float> x, std::span<float> v,
                               DivergenceWorkspace& workspace);

}  // namespace equibolt::cpu
