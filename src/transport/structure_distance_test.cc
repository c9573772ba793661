#include "transport/structure_distance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/geometry.h"
#include "core/random.h"
#include "transport/alignment.h"

namespace equibolt {
namespace {

std::vector<double> normal(std::uint64_t seed, std::size_t size, double scale = 1) {
  Random random(seed, Stream::test);
  std::vector<double> x(size);
  random.fill_normal(std::span(x));
  for (double& value : x) value *= scale;
  return x;
}

/// Rotated, permuted within the types, shifted and, if `reflected`, reflected.
std::vector<double> moved(const std::vector<double>& x, const ParticleTypes& types, std::size_t dim,
                          std::uint64_t seed, bool reflected) {
  Random random(seed, Stream::test, 1);
  std::vector<std::size_t> order(types.size());
  std::iota(order.begin(), order.end(), 0U);
  for (const auto& group : groups_of(types)) {
    for (std::size_t k = group.size() - 1; k > 0; --k)
      std::swap(order[group[k]], order[group[random.below(k + 1)]]);
  }
  std::vector<double> y(x.size());
  for (std::size_t i = 0; i < types.size(); ++i) std::copy_n(&x[order[i] * dim], dim, &y[i * dim]);
  rotate(std::span(y), random_rotation(random, dim), dim);
  for (std::size_t k = 0; k < y.size(); ++k) {
    if (reflected && k % dim == 0) y[k] = -y[k];
    y[k] += 2.5;
  }
  return y;
}

/// By trying every permutation of up to six particles.
double by_enumeration(std::vector<double> reference, std::vector<double> x, const ParticleTypes& types,
                      std::size_t dim, bool reflections) {
  remove_mean(std::span(reference), dim);
  remove_mean(std::span(x), dim);
  std::vector<std::size_t> order(types.size());
  std::iota(order.begin(), order.end(), 0U);
  double least = INFINITY;
  do {
    bool allowed = true;
    std::vector<double> y(x.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      allowed = allowed && types[i] == types[order[i]];
      std::copy_n(&x[order[i] * dim], dim, &y[i * dim]);
    }
    if (allowed) least = std::min(least, align<double>(reference, std::span(y), dim, reflections));
  } while (std::next_permutation(order.begin(), order.end()));
  return std::sqrt(std::max(least, 0.0) / static_cast<double>(types.size()));
}

TEST(StructureDistance, OfTwoParticlesIsHalfTheDifferenceOfTheirDistances) {
  StructureDistance deviation(std::vector<double>{0, 0, 0, 2, 0, 0}, {0, 0}, 3, false);
  EXPECT_NEAR(deviation(std::vector<double>{1, 1, 1, 1, 4, 1}), 0.5, 1e-14);  // (3 − 2) / 2
}

TEST(StructureDistance, IsZeroForMovedCopies) {
  for (const std::size_t dim : {2U, 3U}) {
    for (const std::size_t particles : {4U, 13U, 22U}) {
      const std::vector<double> x = normal(particles + dim, particles * dim);
      for (const ParticleTypes& types : {ParticleTypes(particles, 0), [&] {
                                           ParticleTypes mixed(particles);
                                           for (std::size_t i = 0; i < particles; ++i)
                                             mixed[i] = static_cast<int>(i % 3);
                                           return mixed;
                                         }()}) {
        for (const bool reflected : {false, true}) {
          StructureDistance with(x, types, dim, true), without(x, types, dim, false);
          const auto y = moved(x, types, dim, particles, reflected);
          EXPECT_LT(with(y), 1e-7);
          if (reflected) {
            EXPECT_GT(without(y), 0.01);
          } else {
            EXPECT_LT(without(y), 1e-7);
          }
        }
      }
    }
  }
}

TEST(StructureDistance, IsTheLeastOfAllPermutations) {
  const ParticleTypes types{0, 0, 1, 0, 1, 0};
  std::size_t found = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const std::vector<double> reference = normal(100 + seed, 18);
    std::vector<double> x = reference;
    const std::vector<double> noise = normal(200 + seed, 18, 0.3);
    for (std::size_t k = 0; k < x.size(); ++k) x[k] += noise[k];
    x = moved(x, types, 3, seed, seed % 2 == 1);
    StructureDistance deviation(reference, types, 3, true);
    const double exact = by_enumeration(reference, x, types, 3, true);
    EXPECT_GE(deviation(x), exact - 1e-9);
    if (std::abs(deviation(x) - exact) < 1e-9) ++found;
  }
  EXPECT_EQ(found, 10U);
}

TEST(StructureDistance, IsInvariant) {
  const ParticleTypes types(13, 0);
  const std::vector<double> reference = normal(1, 39), x = normal(2, 39);
  StructureDistance deviation(reference, types, 3, true);
  const double first = deviation(x);
  EXPECT_GT(first, 0.1);
  EXPECT_NEAR(deviation(moved(x, ParticleTypes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 3, 5, true)), first,
              1e-9);
}

}  // namespace
}  // namespace equibolt
