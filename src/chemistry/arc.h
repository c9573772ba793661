#pragma once

#include <cmath>
#include <numbers>

namespace equibolt {

/// The angles from `low` on, in the positive direction, up to `high`: an interval on the circle, both in
/// radians with low < high < low + 2π. An arc across ±π has high > π or low < −π.
struct Arc {
  double low = 0;
  double high = 0;

  /// Whether an angle, given modulo 2π, lies inside; the ends do not. False for NaN.
  bool contains(double angle) const {
    constexpr double circle = 2 * std::numbers::pi;
    double above = std::fmod(angle - low, circle);
    if (above < 0) above += circle;
    return above > 0 && above < high - low;
  }
};

}  // namespace equibolt
