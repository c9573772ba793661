#pragma once

namespace equibolt {

/// A number with its standard error (one sigma), which is infinite where the data do not tell it.
struct Estimate {
  double value = 0;
  double error = 0;
};

}  // namespace equibolt
