#include "transport/matching.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/geometry.h"
#include "core/random.h"
#include "transport/alignment.h"
#include "transport/assignment.h"
#include "transport/batch_costs.h"

namespace equibolt {
namespace {

/// Runs each test on every instruction set that this processor has.
class InstructionSets : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { choose(GetParam()); }
  void TearDown() override { choose(0); }

 private:
  static void choose(int64_t targets) {
    hwy::SetSupportedTargetsForTest(targets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};
INSTANTIATE_TEST_SUITE_P(Matching, InstructionSets, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& target) { return std::string(hwy::TargetName(target.param)); });

struct Case {
  ParticleTypes types;
  std::size_t dim;
};

std::vector<Case> cases() {
  return {{{0}, 3},
          {{0, 0, 0}, 1},
          {{0, 1, 0, 0, 1, 2}, 2},
          {ParticleTypes(13, 0), 3},
          {{0, 1, 0, 0, 1, 2, 0, 0, 0}, 3},
          {ParticleTypes(22, 0), 3},
          {ParticleTypes(55, 0), 3},
          {ParticleTypes(70, 0), 3},
          {{1, 1, 1, 0, 0}, 5}};
}

Configurations<float> gaussians(std::size_t count, const Case& of, std::uint64_t seed) {
  Configurations<float> x(count, of.types.size(), of.dim);
  for (std::size_t b = 0; b < count; ++b) {
    Random random(seed, Stream::test, 0, b);
    mean_free_normal(random, x[b], of.dim);
  }
  return x;
}

double squared_distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += (double{a[k]} - b[k]) * (double{a[k]} - b[k]);
  return sum;
}

/// Eq. 14 by the public solver in double precision and a singular value decomposition.
double sequential_search(std::span<const float> x0, std::span<const float> x1, const Case& of,
                         bool reflections) {
  std::vector<float> permuted(x1.size());
  AssignmentWorkspace<double> work;
  for (const auto& group : groups_of(of.types)) {
    std::vector<double> cost;
    for (const std::size_t i : group) {
      for (const std::size_t j : group) {
        cost.push_back(squared_distance(x0.subspan(i * of.dim, of.dim), x1.subspan(j * of.dim, of.dim)));
      }
    }
    std::vector<std::size_t> partner(group.size());
    solve_assignment<double>(cost, group.size(), partner, work);
    for (std::size_t i = 0; i < group.size(); ++i) {
      std::copy_n(&x1[group[partner[i]] * of.dim], of.dim, &permuted[group[i] * of.dim]);
    }
  }
  std::vector<double> overlap(of.dim * of.dim), rotation(of.dim * of.dim);
  overlap_matrix<float>(x0, permuted, of.dim, overlap);
  const double gain = optimal_rotation_svd(overlap, of.dim, reflections, rotation);
  double trace = 0;
  for (std::size_t k = 0; k < of.dim; ++k) trace += overlap[k * of.dim + k];
  return squared_distance(x0, permuted) + 2 * (trace - gain);
}

TEST_P(InstructionSets, CostsAreThoseOfTheSequentialSearchAndWhatMatchingLeaves) {
  for (const Case& of : cases()) {
    const auto prior = gaussians(3, of, 1), data = gaussians(11, of, 2);
    for (const bool reflections : {false, true}) {
      for (const bool alternate : {false, true}) {
        Matcher matcher(of.types, of.dim, reflections, alternate);
        std::vector<float> cost(33), out(prior.coordinates());
        matcher.costs(prior, data, cost);
        for (std::size_t i = 0; i < 3; ++i) {
          for (std::size_t j = 0; j < 11; ++j) {
            matcher.match(prior.view()[i], data.view()[j], out);
            const double left = squared_distance(prior.view()[i], out);
            const double expected = sequential_search(prior.view()[i], data.view()[j], of, reflections);
            const double tolerance = 3e-6 * (squared_distance(prior.view()[i], data.view()[j]) + 1);
            EXPECT_NEAR(cost[i * 11 + j], left, tolerance);
            if (alternate) {
              EXPECT_TRUE(left <= expected + tolerance);
            } else {
              EXPECT_NEAR(left, expected, tolerance) << "N " << of.types.size() << " D " << of.dim;
            }
          }
        }
      }
    }
  }
}

/// A row's searches start from the duals of those before: the batch's optimum is that of searches from
/// nothing.
TEST_P(InstructionSets, WarmStartsLeaveTheBatchOptimumAsItIs) {
  constexpr std::size_t batch = 24;
  const Case of{ParticleTypes(13, 0), 3};
  const auto prior = gaussians(batch, of, 5), data = gaussians(batch, of, 6);
  std::vector<float> warm(batch * batch);
  std::vector<double> plain(batch * batch);
  Matcher(of.types, of.dim, false, false).costs(prior, data, warm);
  for (std::size_t i = 0; i < batch; ++i) {
    for (std::size_t j = 0; j < batch; ++j) {
      plain[i * batch + j] = sequential_search(prior.view()[i], data.view()[j], of, false);
    }
  }
  std::vector<std::size_t> partner(batch), expected(batch);
  AssignmentWorkspace<float> work;
  AssignmentWorkspace<double> plain_work;
  solve_assignment<float>(warm, batch, partner, work);
  const double optimum = solve_assignment<double>(plain, batch, expected, plain_work);
  double found = 0;
  for (std::size_t i = 0; i < batch; ++i) found += plain[i * batch + partner[i]];
  EXPECT_NEAR(found, optimum, 1e-5 * optimum);
  std::rotate(partner.begin(), partner.begin() + 1, partner.end());
  double other = 0;
  for (std::size_t i = 0; i < batch; ++i) other += plain[i * batch + partner[i]];
  EXPECT_GT(other, 1.01 * optimum);
}

TEST_P(InstructionSets, SquaredDistancesOfAllPairs) {
  std::vector<float> scratch;
  for (const std::size_t count : {1, 5, 64, 100}) {
    const auto prior = gaussians(7, {ParticleTypes(9, 0), 3}, 5);
    const auto data = gaussians(count, {ParticleTypes(9, 0), 3}, 6);
    std::vector<float> cost(7 * count);
    squared_distances(prior, data, scratch, cost);
    for (std::size_t k = 0; k < cost.size(); ++k) {
      const double expected = squared_distance(prior.view()[k / count], data.view()[k % count]);
      EXPECT_NEAR(cost[k], expected, 1e-6 * expected);
    }
  }
}

TEST_P(InstructionSets, AssignmentsAreOptimal) {
  AssignmentWorkspace<float> single;
  AssignmentWorkspace<double> exact;
  for (const std::size_t n : {2, 3, 4, 5, 8, 9, 15, 16, 17, 31, 33, 50, 64, 65, 130}) {
    Random random(3, Stream::test, n);
    std::vector<float> cost(n * n);
    for (float& value : cost) value = static_cast<float>(random.below(1000));
    std::vector<double> same(cost.begin(), cost.end());
    std::vector<std::size_t> columns(n);
    const double found = solve_assignment<float>(cost, n, columns, single);
    EXPECT_EQ(found, solve_assignment<double>(same, n, columns, exact));
    double bound = 0;  // Σu + Σv for u_i = min_j (c_ij − v_j): no assignment costs less
    for (std::size_t i = 0; i < n; ++i) {
      double least = same[i * n] - exact.column_duals[0];
      for (std::size_t j = 1; j < n; ++j) least = std::min(least, same[i * n + j] - exact.column_duals[j]);
      bound += least + exact.column_duals[i];
    }
    EXPECT_NEAR(found, bound, 1e-9 * bound);
  }
}

TEST_P(InstructionSets, GainsOfRotationsEqualSvd) {
  const std::vector<std::vector<double>> singular = {{0, 0, 0},       {1, 0, 0},         {1, 1, 0},
                                                     {1, 1, 1},       {2, 1, 1},         {3, 2, 1},
                                                     {1, 1e-4, 1e-4}, {1e-12, 1e-13, 0}, {1e12, 1e12, 1e11}};
  constexpr std::size_t samples = 24;
  for (const auto& values : singular) {
    for (const bool reflections : {false, true}) {
      std::vector<double> overlaps(9 * samples), gain(samples), expected, rotation(9);
      for (std::size_t b = 0; b < samples; ++b) {
        Random random(4, Stream::test, 0, b);
        const auto u = random_rotation(random, 3, true), v = random_rotation(random, 3, true);
        std::vector<double> m(9);
        for (std::size_t k = 0; k < 9; ++k) {
          for (std::size_t l = 0; l < 3; ++l) m[k] += u[k / 3 * 3 + l] * values[l] * v[l * 3 + k % 3];
          overlaps[k * samples + b] = m[k];
        }
        expected.push_back(optimal_rotation_svd(m, 3, reflections, rotation));
      }
      best_gains_3d(overlaps.data(), samples, samples, reflections, gain.data());
      for (std::size_t b = 0; b < samples; ++b) {
        EXPECT_TRUE(std::abs(gain[b] - expected[b]) <= 1e-10 * values[0]) << gain[b] << " " << expected[b];
      }
    }
  }
}

}  // namespace
}  // namespace equibolt
