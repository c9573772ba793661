#include "analyze/wham.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "analyze/log_space.h"
#include "analyze/multistate.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

using Eigen::Index;

/// The indices of what is above 0. Throws DataError for what is negative or no number.
std::vector<std::size_t> above_zero(std::span<const double> values, const char* what) {
  std::vector<std::size_t> indices;
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (!(values[k] >= 0 && std::isfinite(values[k]))) {
      throw DataError("wham: {} {} is {}, expected a count", what, k, values[k]);
    }
    if (values[k] > 0) indices.push_back(k);
  }
  return indices;
}

}  // namespace

Wham wham(std::span<const double> counts, std::span<const double> samples, std::span<const double> bias,
          std::span<const double> start) {
  const std::size_t bins = counts.size(), states = samples.size();
  if (bins == 0 || states == 0 || bias.size() != bins * states ||
      (!start.empty() && start.size() != states)) {
    throw DataError("wham: {} bins, {} states, {} biases and {} starting values do not fit together", bins,
                    states, bias.size(), start.size());
  }
  for (std::size_t k = 0; k < bias.size(); ++k) {
    if (!(bias[k] > -std::numeric_limits<double>::infinity())) {
      throw NumericalError("wham: the bias of state {} at bin {} is {}", k / bins, k % bins, bias[k]);
    }
  }
  const auto met = above_zero(counts, "bin"), sampled = above_zero(samples, "the number of samples of state");
  if (met.empty() || sampled.empty()) throw DataError("wham: no samples");

  MultistateProblem problem{
      .u = Eigen::MatrixXd(static_cast<Index>(sampled.size()), static_cast<Index>(met.size())),
      .n = Eigen::VectorXd(static_cast<Index>(sampled.size())),
      .counts = Eigen::VectorXd(static_cast<Index>(met.size())),
      .start = Eigen::VectorXd(start.empty() ? 0 : static_cast<Index>(sampled.size()))};
  for (std::size_t k = 0; k < sampled.size(); ++k) {
    const auto row = static_cast<Index>(k);
    problem.n[row] = samples[sampled[k]];
    if (!start.empty()) {
      problem.start[row] = start[sampled[k]];
      if (!std::isfinite(problem.start[row])) {
        throw NumericalError("wham: the starting value of state {} is {}", sampled[k], problem.start[row]);
      }
    }
    for (std::size_t b = 0; b < met.size(); ++b) {
      problem.u(row, static_cast<Index>(b)) = bias[sampled[k] * bins + met[b]];
    }
  }
  for (std::size_t b = 0; b < met.size(); ++b) problem.counts[static_cast<Index>(b)] = counts[met[b]];
  problem.counts *= problem.n.sum() / problem.counts.sum();

  const MultistateSolution solution = solve(problem);
  std::vector<double> log_p(met.size());
  for (std::size_t b = 0; b < met.size(); ++b) {
    log_p[b] = std::log(counts[met[b]]) - solution.log_denominators[static_cast<Index>(b)];
  }
  const double total = log_sum_exp(log_p);
  Wham result{.probability = std::vector<double>(bins, 0.0),
              .free_energies = std::vector<double>(states),
              .iterations = solution.iterations,
              .converged = solution.converged};
  for (std::size_t b = 0; b < met.size(); ++b) {
    log_p[b] -= total;
    result.probability[met[b]] = std::exp(log_p[b]);
  }
  std::vector<double> terms(met.size());
  for (std::size_t k = 0; k < states; ++k) {
    for (std::size_t b = 0; b < met.size(); ++b) terms[b] = log_p[b] - bias[k * bins + met[b]];
    result.free_energies[k] = -log_sum_exp(terms);
  }
  return result;
}

}  // namespace equibolt
