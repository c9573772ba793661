#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/aligned.h"
#include "core/threads.h"
#include "egnn/architecture.h"
#include "train/optimizer.h"

namespace equibolt {

/// Muon (K. Jordan et al., 2024, kellerjordan.github.io/posts/muon): each weight matrix moves along the
/// orthogonal matrix nearest to its momentum, so that all directions of a layer learn equally fast; biases,
/// vectors and the embedding by Adam.
class Muon {
 public:
  static constexpr double momentum = 0.95;  ///< Nesterov's

  Muon(const Architecture& architecture, ThreadPool& pool);

  /// One step. A matrix (m, n) changes by rate · 0.2 √max(m, n) times an orthogonal matrix: as much, on
  /// average over entries, as Adam would change it (J. Liu et al. 2025, arXiv:2502.16982, eq. 4). state.first
  /// holds the momentum, state.second is Adam's alone. Does not depend on the number of threads.
  void step(const AdamOptions& adam, double rate, std::span<const float> gradient, AdamState& state,
            std::span<float> parameters);

 private:
  struct Scratch {
    AlignedArray<float> x, y, square, polynomial;
  };
  void step_matrix(const ParameterLayout::Array& matrix, double rate, double decay,
                   std::span<const float> gradient, AdamState& state, std::span<float> parameters,
                   Scratch& scratch) const;

  ThreadPool& pool_;
  std::vector<ParameterLayout::Array> matrices_, others_;
  std::vector<Scratch> scratch_;  ///< of each worker
};

}  // namespace equibolt
