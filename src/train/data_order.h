#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "core/random.h"

namespace equibolt {

/// An endless sequence of shuffled epochs of `count` data points: each comes once an epoch. The order follows
/// from the seed and the position alone.
class DataOrder {
 public:
  DataOrder(std::size_t count, std::uint64_t seed) : seed_(seed), order_(count) {}

  /// The index of the data point at `position`.
  std::size_t operator[](std::size_t position) {
    const std::size_t epoch = position / order_.size();
    if (epoch != epoch_) {
      std::iota(order_.begin(), order_.end(), std::size_t{0});
      Random random(seed_, Stream::batch_data, epoch);
      random.shuffle(std::span(order_));
      epoch_ = epoch;
    }
    return order_[position % order_.size()];
  }

 private:
  std::uint64_t seed_;
  std::size_t epoch_ = static_cast<std::size_t>(-1);
  std::vector<std::size_t> order_;  // of the epoch last asked for
};

}  // namespace equibolt
