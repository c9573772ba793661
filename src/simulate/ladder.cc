#include "simulate/ladder.h"

#include <algorithm>
#include <cassert>

namespace equibolt {

std::vector<double> initial_ladder(std::size_t rungs, double lowest) {
  std::vector<double> lambda(rungs, 1.0);
  const double end = ladder_coordinate(lowest);
  for (std::size_t k = 1; k < rungs; ++k) {
    const double fraction = static_cast<double>(k) / static_cast<double>(rungs - 1);
    lambda[k] = std::pow(1 + (end - 1) * fraction, 4);
  }
  if (rungs > 1) lambda.back() = lowest;
  return lambda;
}

std::vector<double> even_ladder(std::span<const double> lambda, std::span<const double> rejection) {
  const std::size_t rungs = lambda.size();
  assert(rejection.size() + 1 == rungs);
  // The floor keeps the sum increasing where exchanges are always accepted.
  std::vector<double> barrier(rungs, 0.0);
  for (std::size_t k = 0; k + 1 < rungs; ++k) barrier[k + 1] = barrier[k] + std::max(rejection[k], 1e-3);
  std::vector<double> even(lambda.begin(), lambda.end());
  for (std::size_t k = 1; k + 1 < rungs; ++k) {
    const double wanted = barrier.back() * static_cast<double>(k) / static_cast<double>(rungs - 1);
    const auto above =
        static_cast<std::size_t>(std::upper_bound(barrier.begin(), barrier.end(), wanted) - barrier.begin());
    const double fraction = (wanted - barrier[above - 1]) / (barrier[above] - barrier[above - 1]);
    const double from = ladder_coordinate(lambda[above - 1]);
    const double to = ladder_coordinate(lambda[above]);
    even[k] = std::pow(from + fraction * (to - from), 4);
  }
  return even;
}

}  // namespace equibolt
