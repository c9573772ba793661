#pragma once

#include <hwy/aligned_allocator.h>

#include <cstddef>
#include <span>

#include "equibolt/configurations.h"
#include "equibolt/energy.h"

namespace equibolt {

/// Scratch of the pair kernels: one vector of configurations, particle by particle. Grows, never shrinks;
/// a copy starts empty.
class PairScratch {
 public:
  PairScratch() = default;
  PairScratch(const PairScratch&) {}
  PairScratch& operator=(const PairScratch&) { return *this; }

  /// At least `size` doubles, aligned for any vector, contents unspecified.
  double* at_least(std::size_t size) {
    if (size > size_) {
      values_ = hwy::AllocateAligned<double>(size);
      size_ = size;
    }
    return values_.get();
  }

 private:
  hwy::AlignedFreeUniquePtr<double[]> values_;
  std::size_t size_ = 0;
};

/// The arguments of Energy::evaluate and the scratch, for passing through a dispatch table.
struct PairBatch {
  ConfigurationsView<const double> x;   // (B, N, D)
  std::span<double> energy;             // (B,)
  ConfigurationsView<double> gradient;  // (B, N, D) or empty
  std::span<EnergyStatus> status;       // (B,)
  PairScratch* scratch;
};

}  // namespace equibolt
