#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "egnn/architecture.h"

/// The networks whose speed is measured, and how much arithmetic they need.
namespace equibolt::bench {

struct Case {
  std::string name;
  Architecture architecture;
  std::size_t batch;  ///< samples of a call
  std::size_t
      divergence_batch;  ///< the same for the divergence, enough for automatic differentiation's speed
};

/// N particles of one type in three dimensions.
Architecture untyped(std::size_t particles, std::size_t hidden, std::size_t layers);

/// A: LJ13. B: LJ55. C: 22 atoms of one type. M: the same with the nine types of alanine dipeptide.
std::vector<Case> cases();

/// Floating-point operations per sample; a multiply-add is two. Only products with the features are counted,
/// not what is done element by element.
struct Work {
  double written;  ///< as the network is written: every product for every edge, N·D forward tangents
  double needed;   ///< what the structure leaves of it (docs/performance.md, docs/mathematics-divergence.md)
};

Work velocity_work(const Architecture& architecture);
Work loss_gradient_work(const Architecture& architecture);
Work divergence_work(const Architecture& architecture);

}  // namespace equibolt::bench
