#pragma once

namespace equibolt {

/// A number with its standard error (one sigma).
struct Estimate {
  double value = 0;
  double error = 0;
};

}  // namespace equibolt
