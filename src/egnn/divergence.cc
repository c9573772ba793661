#include "egnn/divergence.h"

#include <algorithm>
#include <cassert>
#include <cmath>

// clang-format off
#include "egnn/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "egnn/divergence.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "egnn/divergence_contraction-inl.h"
#include "egnn/divergence_edges-inl.h"
#include "egnn/divergence_tangents-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace equibolt::HWY_NAMESPACE {
namespace {

double velocity_and_divergence_here(const Network& network, float t, std::span<const float> x,
                                    std::span<float> v, DivergenceWorkspace& workspace) {
  const Values values(network, workspace);
  const Tangents tangents(network, workspace);
  const Contraction contraction(network, workspace);
  const size_t last = network.layers() - 1;
  double divergence = 0;

  values.start(t, x);
  values.first_edges(workspace.layer, last > 0);
  values.move(workspace.layer);
  if (last == 0) {
    divergence = contraction.of_single_layer();
  } else {
    values.update_nodes(0, workspace.layer.sigma);
    tangents.after_first_layer();
    for (size_t l = 1; l < last; ++l) {
      values.edges(l, workspace.layer, l + 1 < last ? Wanted::jacobian : Wanted::contraction);
      values.move(workspace.layer);
      values.update_nodes(l, workspace.layer.sigma);
      if (l + 1 < last) tangents.advance(l);
    }
    values.edges(last, workspace.last, Wanted::lambda);
    values.move(workspace.last);
    divergence = contraction.of_last_layers();
  }
  values.finish(v);
  return divergence;
}

}  // namespace
}  // namespace equibolt::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace equibolt {

HWY_EXPORT(velocity_and_divergence_here);

namespace cpu {

struct DivergenceWorkspace::Sizes {};

/// The sizes alone.
DivergenceWorkspace::DivergenceWorkspace(const Network& network, Sizes)
    : particles(network.particles()),
      dim(network.dim()),
      width(network.width()),
      columns(network.particles() + network.dim() - 1),
      stride(padded(network.particles(), lane_multiple)),
      wide_stride(padded(columns, width_multiple)),
      block(std::clamp<std::size_t>(192 / columns, 1, particles)),
      batch(std::clamp<std::size_t>(192 * 32 / width / columns, 1, max_batch)) {}

DivergenceWorkspace::DivergenceWorkspace(const Network& network) : DivergenceWorkspace(network, Sizes{}) {
  for (std::size_t row = 0; row < std::max(block, batch) * columns; ++row) {
    row_item.push_back(static_cast<std::uint32_t>(row / columns));
    row_column.push_back(static_cast<std::uint32_t>(row % columns));
  }
  for (const Segment& segment : network.first_edges().segments) {
    for (std::size_t c = 0; c < segment.count; ++c) {
      first_edges.push_back({segment.i, segment.j + c, segment.mirrored});
    }
  }
  for (const Segment& segment : network.edges().segments) {
    for (std::size_t c = 0; c < segment.count; ++c) edges.push_back({segment.i, segment.j + c, false});
  }
  arena_.make([this](const auto& take) { lay_out(take); });
}

std::size_t DivergenceWorkspace::bytes(const Network& network) {
  DivergenceWorkspace empty(network, Sizes{});
  return Arena::size_of([&empty](const auto& take) { empty.lay_out(take); }) * sizeof(float);
}

template <typename Take>
void DivergenceWorkspace::lay_out(const Take& take) {
  const std::size_t n = particles, d = dim, w = width, s = stride, t = n * d, rows = n * n, c = columns;
  for (float** array : {&layer.s1, &layer.s2, &layer.m, &layer.rho}) *array = take(rows * w);
  last = layer;  // which leaves these alone but for s1
  last.s1 = take(rows * w);
  for (Edges* e : {&layer, &last}) {
    e->lambda = take(rows * w);
    e->r = take(rows * d);
    for (float** array : {&e->d2, &e->q, &e->q_slope, &e->closed, &e->omega, &e->alpha, &e->beta})
      *array = take(rows);
    e->sigma = take(n * w);
  }
  for (float** array : {&x, &u}) *array = take(t);
  r0 = take(rows * d);
  d2_input = take(rows);
  node_input = take(2 * n * w);
  node_hidden = take(n * w);
  pq = take(2 * n * w);
  mu = take(rows * w);
  direction0 = take(t * s);
  identity = take(n * s);
  for (float** array : {&dx, &dx_next}) *array = take(t * d * s);
  nu = take(n * c * w);
  dh = take(n * t * w);
  dq = take(n * (std::max(c, t) + 2) * w);
  phi = take(std::max(c, t) * wide_stride);
  lambda_t = take(w * wide_stride);
  theta = take(n * std::max(wide_stride, d * s));
  xi = take(rows * w);
  eta = take(t * w);
  dp = take(std::max(c, t) * w);
  dp_x = take(std::max(c, t) * d);
  dm = take((t + s) * w);
  edge_weights = take(2 * s);
  dd2 = take(t * s);
  jacobian = take(w * width_multiple);
  jacobian_sum = take(w * w);
  jacobian_uw = take(2 * n * w);
  for (float** array : {&dd2_along, &pairing}) *array = take(n * s);
  kappa_t = take(w * wide_stride);
  chi = take(n * wide_stride);
  rows_d = take(2 * d * w);
  cot_x = take(t * d * s);
  direction = take(t * s);
  for (float** array : {&cot_h, &cot_inner, &kappa, &h_along, &p_along}) *array = take(block * c * w);
  changes = take(batch * c * w);
  for (float** array : {&tile_a, &tile_b, &tile_m, &tile_s}) *array = take(2 * tile_rows * w);
  for (float** array : {&partial, &partial_b}) *array = take(2 * tile_rows * lane_multiple);
  for (float** array : {&sums, &sums_b, &gate, &closed}) *array = take(2 * tile_rows);
}

double velocity_and_divergence(const Network& network, float t, std::span<const float> x, std::span<float> v,
                               DivergenceWorkspace& workspace) {
  assert(x.size() == workspace.particles * workspace.dim && v.size() == x.size());
  return HWY_DYNAMIC_DISPATCH(velocity_and_divergence_here)(network, t, x, v, workspace);
}

}  // namespace cpu
}  // namespace equibolt
#endif
