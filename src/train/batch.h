#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "equibolt/configurations.h"
#include "train/data_order.h"
#include "transport/coupling.h"

namespace equibolt {

/// One batch of the flow-matching objective (paper, eq. 8, 10 and 11): the network at (t, x) is to give
/// `target`.
struct TrainingBatch {
  std::vector<float> t;          ///< (B,)
  Configurations<float> x;       ///< (B, N, D): (1 − t) x0 + t x1 + σ ε
  Configurations<float> target;  ///< (B, N, D): x1 − x0
  double transport_cost = 0;     ///< mean |x0 − x1|²
};

/// Makes the batch of any step. Step s takes the data points s·B, …, (s+1)·B − 1 of an endless sequence of
/// shuffled epochs; all its randomness is keyed by (seed, s), so a batch is the same whoever makes it when.
class BatchMaker {
 public:
  /// data (n, N, D), mean-free, has to outlive this.
  BatchMaker(ConfigurationsView<const float> data, const Coupling& coupling, std::uint64_t seed,
             std::size_t batch, double sigma);

  void make(std::size_t step, TrainingBatch& out);

 private:
  void interpolate(std::size_t step, TrainingBatch& out);

  ConfigurationsView<const float> data_;
  std::unique_ptr<Coupling> coupling_;
  std::uint64_t seed_;
  std::size_t batch_;
  float sigma_;
  DataOrder order_;
  Configurations<float> prior_, chosen_, x0_, x1_;
  Configurations<float> noise_;
};

}  // namespace equibolt
