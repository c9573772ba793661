#include "transport/transport_cost.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "core/geometry.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

Configurations<float> gaussians(std::size_t count, std::size_t particles, std::size_t dim,
                                std::uint64_t seed) {
  Configurations<float> x(count, particles, dim);
  for (std::size_t b = 0; b < count; ++b) {
    Random random(seed, Stream::test, 0, b);
    mean_free_normal(random, x[b], dim);
  }
  return x;
}

constexpr std::array kinds = {CouplingKind::independent, CouplingKind::ot, CouplingKind::aligned,
                              CouplingKind::equivariant_ot};
constexpr std::array<std::size_t, 3> sizes = {1, 8, 64};

TEST(TransportCost, HasTheKnownValuesAndFallsWithTheBatch) {
  const auto prior = gaussians(512, 5, 3, 1), data = gaussians(512, 5, 3, 2);
  ThreadPool pool(2);
  const auto curve =
      transport_cost_curve(prior, data, {.types = ParticleTypes(5, 0), .dim = 3}, kinds, sizes, 512, 3, pool);
  ASSERT_EQ(curve.size(), 12U);
  const auto row = [&](std::size_t size, std::size_t kind) { return curve[size * 4 + kind]; };
  for (std::size_t size = 0; size < 3; ++size) {
    for (std::size_t kind = 0; kind < 4; ++kind) {
      EXPECT_EQ(row(size, kind).batch, sizes[size]);
      EXPECT_EQ(row(size, kind).kind, kinds[kind]);
      EXPECT_EQ(row(size, kind).batches, 512 / sizes[size]);
      EXPECT_GT(row(size, kind).error, 0);
    }
    // Two independent unit Gaussians with 12 degrees of freedom: the mean of |x0 − x1|² is 24.
    EXPECT_NEAR(row(size, 0).mean, 24, 5 * row(size, 0).error);
    // The same pairs whatever the size of their batch.
    EXPECT_NEAR(row(size, 0).mean, row(0, 0).mean, 1e-9);
    EXPECT_NEAR(row(size, 2).mean, row(0, 2).mean, 1e-9);
    EXPECT_TRUE(row(size, 3).mean <= row(size, 2).mean + 1e-5);
    if (size > 0) {
      EXPECT_LT(row(size, 1).mean, row(size - 1, 1).mean);
      EXPECT_LT(row(size, 3).mean, row(size - 1, 3).mean);
    }
  }
  // A batch of one leaves the kinds with a plan no choice.
  EXPECT_NEAR(row(0, 3).mean, row(0, 2).mean, 1e-9);
}

TEST(TransportCost, DoesNotDependOnThreads) {
  const auto prior = gaussians(60, 4, 2, 4), data = gaussians(80, 4, 2, 5);
  std::vector<std::vector<TransportCost>> curves;
  for (const std::size_t threads : {1, 3}) {
    ThreadPool pool(threads);
    curves.push_back(transport_cost_curve(prior, data, {.types = {0, 0, 1, 1}, .dim = 2}, kinds,
                                          std::array<std::size_t, 2>{4, 60}, 40, 6, pool));
  }
  for (std::size_t k = 0; k < curves[0].size(); ++k) {
    EXPECT_EQ(curves[0][k].mean, curves[1][k].mean);
    EXPECT_EQ(curves[0][k].batches, k < 4 ? 10U : 1U);
    EXPECT_EQ(std::isnan(curves[0][k].error), k >= 4);
  }
}

TEST(TransportCost, RejectsBatchesBeyondTheSamples) {
  const auto x = gaussians(10, 2, 2, 7);
  ThreadPool pool(1);
  for (const std::size_t batch : {0, 11}) {
    EXPECT_THROW(
        transport_cost_curve(x, x, {.types = {0, 0}, .dim = 2}, kinds, std::array{batch}, 10, 1, pool),
        UsageError);
  }
  const auto other = gaussians(10, 3, 2, 7);
  EXPECT_THROW(transport_cost_curve(x, other, {.types = {0, 0}, .dim = 2}, kinds, sizes, 10, 1, pool),
               DataError);
}

}  // namespace
}  // namespace equibolt
