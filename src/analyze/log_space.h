#pragma once

#include <span>

namespace equibolt {

/// ln Σ exp(values); −∞ for no values.
double log_sum_exp(std::span<const double> values);

/// ln 1/(1 + e^x), also where e^x overflows and for infinite x.
double log_fermi(double x);

}  // namespace equibolt
