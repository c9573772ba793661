#include "chemistry/collective_variables.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace equibolt {
namespace {

double square_distance(std::span<const double> x, std::size_t dim, std::size_t i, std::size_t j) {
  double square = 0;
  for (std::size_t d = 0; d < dim; ++d) {
    const double difference = x[i * dim + d] - x[j * dim + d];
    square += difference * difference;
  }
  return square;
}

}  // namespace

double distance(std::span<const double> x, std::size_t dim, std::size_t i, std::size_t j) {
  return std::sqrt(square_distance(x, dim, i, j));
}

double bond_angle(std::span<const double> x, std::size_t dim, std::size_t i, std::size_t j, std::size_t k) {
  const double a = distance(x, dim, j, i), b = distance(x, dim, j, k);
  if (!(a > 0 && b > 0)) return std::nan("");
  // Between unit vectors u and v, 2 atan2(|u − v|, |u + v|) loses no digits near 0 and π, as acos does.
  double apart = 0, along = 0;
  for (std::size_t d = 0; d < dim; ++d) {
    const double u = (x[i * dim + d] - x[j * dim + d]) / a, v = (x[k * dim + d] - x[j * dim + d]) / b;
    apart += (u - v) * (u - v);
    along += (u + v) * (u + v);
  }
  return 2 * std::atan2(std::sqrt(apart), std::sqrt(along));
}

double radius_of_gyration(std::span<const double> x, std::size_t dim) {
  const auto particles = static_cast<double>(x.size() / dim);
  double square = 0;
  for (std::size_t d = 0; d < dim; ++d) {
    double mean = 0;
    for (std::size_t k = d; k < x.size(); k += dim) mean += x[k] / particles;
    for (std::size_t k = d; k < x.size(); k += dim) square += (x[k] - mean) * (x[k] - mean);
  }
  return std::sqrt(square / particles);
}

void pair_distances(std::span<const double> x, std::size_t dim, std::span<double> distances) {
  const std::size_t particles = x.size() / dim;
  assert(distances.size() == particles * (particles - 1) / 2);
  std::size_t pair = 0;
  for (std::size_t i = 0; i < particles; ++i) {
    for (std::size_t j = i + 1; j < particles; ++j) distances[pair++] = distance(x, dim, i, j);
  }
}

double coordination_number(std::span<const double> x, std::size_t dim, std::span<const std::size_t> centres,
                           std::span<const std::size_t> others, double r0) {
  assert(!centres.empty());
  double neighbours = 0;
  for (const std::size_t i : centres) {
    for (const std::size_t j : others) {
      if (i == j) continue;
      const double ratio = square_distance(x, dim, i, j) / (r0 * r0);
      neighbours += 1 / (1 + ratio * ratio * ratio);
    }
  }
  return neighbours / static_cast<double>(centres.size());
}

}  // namespace equibolt
