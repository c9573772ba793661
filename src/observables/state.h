#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chemistry/arc.h"
#include "observables/observable.h"

namespace equibolt {

/// A range of one observable: an arc of the circle, or low < value < high.
struct Range {
  std::string observable;  ///< its name
  bool periodic = false;
  Arc arc;  ///< low and high, also of an interval on the line

  bool contains(double value) const {
    return periodic ? arc.contains(value) : value > arc.low && value < arc.high;
  }
};

/// A state: the configurations for which each observable is in its range.
struct State {
  std::string text;  ///< "phi 0 2, psi -1 1"
  std::vector<Range> ranges;
};

/// "OBSERVABLE LOW HIGH", or a box of several, separated by commas. For angles two in radians, from the first
/// in the positive direction, as system.state; for others two numbers, LOW < HIGH, that may be -inf and inf.
/// Throws UsageError that begins with `what`: an observable that is not among `observables` or has several
/// values.
State parse_state(const std::vector<Observable>& observables, const std::string& text, std::string_view what);

}  // namespace equibolt
