#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/random.h"
#include "equibolt/configurations.h"

namespace equibolt {

/// Subtracts the mean over particles from one configuration x (N, D). Sums in double.
template <typename T>
void remove_mean(std::span<T> x, std::size_t dim) {
  const std::size_t particles = x.size() / dim;
  for (std::size_t k = 0; k < dim; ++k) {
    double sum = 0;
    for (std::size_t i = 0; i < particles; ++i) sum += static_cast<double>(x[i * dim + k]);
    const T mean = static_cast<T>(sum / static_cast<double>(particles));
    for (std::size_t i = 0; i < particles; ++i) x[i * dim + k] -= mean;
  }
}

template <typename T>
void remove_mean(ConfigurationsView<T> x) {
  for (std::size_t b = 0; b < x.count(); ++b) remove_mean(x[b], x.dim());
}

/// A Gaussian sample of the mean-free subspace, (N, D): covariance is the projector onto it.
template <typename T>
void mean_free_normal(Random& random, std::span<T> x, std::size_t dim) {
  random.fill_normal(x);
  remove_mean(x, dim);
}

/// A Haar-random orthogonal matrix (D, D), row-major; a proper rotation unless `reflections`, when either
/// sign of the determinant is as likely.
std::vector<double> random_rotation(Random& random, std::size_t dim, bool reflections = false);

/// x_i ← R x_i for each particle of one configuration (N, D); R is (D, D), row-major.
template <typename T>
void rotate(std::span<T> x, std::span<const double> rotation, std::size_t dim) {
  std::vector<double> y(dim);
  for (std::size_t first = 0; first < x.size(); first += dim) {
    for (std::size_t k = 0; k < dim; ++k) {
      y[k] = 0;
      for (std::size_t l = 0; l < dim; ++l) y[k] += rotation[k * dim + l] * static_cast<double>(x[first + l]);
    }
    for (std::size_t k = 0; k < dim; ++k) x[first + k] = static_cast<T>(y[k]);
  }
}

}  // namespace equibolt
