#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "egnn/arena.h"
#include "egnn/cpu_network.h"

namespace equibolt::cpu {

/// Scratch memory of one worker for velocity_and_divergence: about 2·N²·(D + 5)·W numbers, W the padded
/// width. Rows of edges i←j are i·N + j, those with i = j zero; tangents are k = d·N + p for the derivative
/// by x_pd, T = N·D in all; S is N padded to a multiple of 16, for arrays with particles in the lanes.
struct DivergenceWorkspace {
  explicit DivergenceWorkspace(const Network& network);
  /// Bytes that it would need.
  static std::size_t bytes(const Network& network);

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
    float* q_slope;  ///< ∂q/∂d²
    float* closed;   ///< 1 − g
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
  float* direction0;   ///< (N, D, S): r⁰_jp at [j][d][p]

  float* identity;   ///< (N, S)
  float* dx;         ///< (N, D, D, S): ∂u^l_ie/∂x_pd at [i][e][d][p]
  float* dx_next;    ///< the same
  float* nu;         ///< (N, C, W): ∂h¹_i/∂x in columns
  float* dh;         ///< (N, T, W): ∂h^l_i/∂x_k
  float* dq;         ///< (N, C + 2 or T + 2, W): B of nu or dh, then u and w
  float* phi;        ///< (C or T, S'): q λ_ij·dq_j at [row][i] of one j, S' a multiple of 32
  float* lambda_t;   ///< (W, S')
  float* theta;      ///< (N, S') or (N, D, S): cotangent of λ_ij·dq_j for one j
  float* cot_x;      ///< (N, D, D, S): x̄_i at [i][e][d][p]
  float* direction;  ///< (N, D, S): r_pi of the last layer at [i][d][p]
  float* xi;         ///< (N², W): Bᵀλ of the last layer
  float* eta;        ///< (N·D, W): Aᵀ Σ_j q r λ of the last layer
  // of one particle i
  float* dp;            ///< (T, W): A of nu_i or dh_i
  float* edge_weights;  ///< (2, S)
  float* dp_x;          ///< (T, D)
  float* dm;            ///< (T + S, W): ∂(Σ_j m_ij)/∂x_k
  float* dd2;           ///< (N, D, S): ∂d²_ij/∂x_k
  float* jacobian;      ///< (W, width_multiple): columns of J_ijᵀ
  float* jacobian_sum;  ///< (W, W)
  float* jacobian_uw;   ///< (2, N, W): J_ij u, J_ij w
  float* dd2_along;     ///< (N, S): ∂d²_ij along the directions
  float* pairing;       ///< (N, S): Σ_d of direction and direction0_j
  float* kappa_t;       ///< (W, S')
  float* chi;           ///< (N, S')
  float* rows_d;        ///< (2, D, W)
  // of a block of particles
  float* cot_h;      ///< (block, C, W): h̄, as the following in columns
  float* cot_inner;  ///< τ̄
  float* kappa;
  float* h_along;  ///< ∂h_i along the directions
  float* p_along;  ///< A of it
  float* changes;  ///< (batch, C, W): of a batch of edges s1 ė, or J ė
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
  float* closed;  ///< 1 − gate

  static constexpr std::size_t tile_rows = 96;
  static constexpr std::size_t max_batch = 16;
  std::size_t particles, dim, width;
  std::size_t columns;      ///< C = N + D − 1
  std::size_t stride;       ///< S
  std::size_t wide_stride;  ///< S'
  std::size_t block;        ///< particles
  std::size_t batch;        ///< edges
  /// Of row r of `block` or `batch` times C rows: r / C and r mod C.
  std::vector<std::uint32_t> row_item, row_column;

 private:
  struct Sizes;
  DivergenceWorkspace(const Network& network, Sizes);
  template <typename Take>
  void lay_out(const Take& take);
  Arena arena_;
};

/// v (N, D) at time t and configuration x (N, D), and its exact divergence Σ_k ∂v_k/∂x_k, which is returned
/// (docs/mathematics-divergence.md). Takes the best instruction set at run time.
double velocity_and_divergence(const Network& network, float t, std::span<const float> x, std::span<float> v,
                               DivergenceWorkspace& workspace);

}  // namespace equibolt::cpu
