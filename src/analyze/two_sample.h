#pragma once

#include <span>

#include "analyze/estimate.h"

namespace equibolt {

/// Values of one observable, with weights (none: all equal). They count as Kish's effective number, divided
/// by the autocorrelation time.
struct ObservedSample {
  std::span<const double> values;
  std::span<const double> log_weights = {};
  double autocorrelation_time = 1;
};

struct TwoSampleTest {
  double statistic;  ///< greatest distance of the two cumulative distributions
  double p_value;    ///< chance of a greater one if both samples come from one distribution
};

/// The Kolmogorov–Smirnov test. The p-value is the asymptotic one with Stephens' correction (J. R. Stat. Soc.
/// B 32, 115, 1970) at the effective sample sizes: an approximation, good from effective sizes of about 10
/// on. Throws NumericalError for NaN values.
TwoSampleTest kolmogorov_smirnov(const ObservedSample& a, const ObservedSample& b);

/// P(K > x) of Kolmogorov's distribution.
double kolmogorov_survival(double x);

}  // namespace equibolt
