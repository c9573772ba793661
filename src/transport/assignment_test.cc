#include "transport/assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "core/random.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

template <typename T>
struct Solution {
  double cost;
  std::vector<std::size_t> column_of_row;
  std::vector<double> u, v;
};

template <typename T>
Solution<T> solve(const std::vector<T>& cost, std::size_t n, AssignmentWorkspace<T>& work) {
  Solution<T> out{0, std::vector<std::size_t>(n), std::vector<double>(n), std::vector<double>(n)};
  out.cost = solve_assignment<T>(cost, n, out.column_of_row, work);
  for (std::size_t j = 0; j < n; ++j) out.v[j] = static_cast<double>(work.column_duals[j]);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t j = out.column_of_row[i];
    out.u[i] = static_cast<double>(cost[i * n + j]) - out.v[j];
  }
  return out;
}

/// By how much the duals fail to prove that the assignment is optimal: no assignment can cost less than
/// Σu + Σv + n · min(c − u − v, 0), and this one costs Σu + Σv. NaN or infinite when it is no permutation.
template <typename T>
double defect(const std::vector<T>& cost, std::size_t n, const Solution<T>& solution) {
  std::vector<bool> taken(n);
  for (const std::size_t j : solution.column_of_row) {
    if (j >= n || taken[j]) return std::numeric_limits<double>::infinity();
    taken[j] = true;
  }
  double least = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const double slack = static_cast<double>(cost[i * n + j]) - solution.u[i] - solution.v[j];
      if (!(slack >= least)) least = slack;
    }
  }
  return -least * static_cast<double>(n);
}

template <typename T>
double cost_of(const std::vector<T>& cost, std::size_t n, const std::vector<std::size_t>& columns) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(cost[i * n + columns[i]]);
  return sum;
}

template <typename T>
double brute_force(const std::vector<T>& cost, std::size_t n) {
  std::vector<std::size_t> columns(n);
  std::iota(columns.begin(), columns.end(), std::size_t{0});
  double best = std::numeric_limits<double>::infinity();
  do best = std::min(best, cost_of(cost, n, columns));
  while (std::next_permutation(columns.begin(), columns.end()));
  return best;
}

/// Kinds of problems; the last three have many optima or are ill-scaled.
enum class Costs { uniform, squared_distances, negative, small_integers, equal, spread, size };

template <typename T>
std::vector<T> problem(Costs kind, std::size_t n, std::uint64_t seed) {
  Random random(seed, Stream::test, static_cast<std::uint64_t>(kind), n);
  std::vector<T> cost(n * n);
  std::vector<double> points(6 * n);
  for (double& x : points) x = random.normal();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      double value = 0;
      switch (kind) {
        case Costs::uniform:
          value = random.uniform();
          break;
        case Costs::squared_distances:
          for (std::size_t k = 0; k < 3; ++k)
            value += std::pow(points[3 * i + k] - points[3 * (n + j) + k], 2);
          break;
        case Costs::negative:
          value = -points[i] * points[n + j];
          break;
        case Costs::small_integers:
          value = static_cast<double>(random.below(4));
          break;
        case Costs::equal:
          value = 2.5;
          break;
        default:
          value = std::exp(30 * random.normal() / 3);
          break;
      }
      cost[i * n + j] = static_cast<T>(value);
    }
  }
  return cost;
}

template <typename T>
double largest(const std::vector<T>& values) {
  double most = 0;
  for (const T value : values) most = std::max(most, std::abs(static_cast<double>(value)));
  return most;
}

template <typename T>
class Assignment : public testing::Test {};
using Precisions = testing::Types<float, double>;
TYPED_TEST_SUITE(Assignment, Precisions);

TYPED_TEST(Assignment, EqualsBruteForce) {
  AssignmentWorkspace<TypeParam> work;
  for (std::size_t n = 1; n <= 7; ++n) {
    for (int kind = 0; kind < static_cast<int>(Costs::size); ++kind) {
      for (std::uint64_t seed = 0; seed < (n < 7 ? 40U : 10U); ++seed) {
        const auto cost = problem<TypeParam>(static_cast<Costs>(kind), n, seed);
        const auto solution = solve(cost, n, work);
        const double best = brute_force(cost, n);
        const double tolerance =
            8 * static_cast<double>(n) * std::numeric_limits<TypeParam>::epsilon() * largest(cost);
        EXPECT_TRUE(std::abs(solution.cost - best) <= tolerance)
            << "n " << n << " kind " << kind << " seed " << seed << ": " << solution.cost << " " << best;
        EXPECT_EQ(solution.cost, cost_of(cost, n, solution.column_of_row));
        if (static_cast<Costs>(kind) == Costs::small_integers) {
          EXPECT_EQ(solution.cost, best);
        }
      }
    }
  }
}

TYPED_TEST(Assignment, ItsDualsProveOptimality) {
  AssignmentWorkspace<TypeParam> work;
  for (const std::size_t n : {2, 8, 13, 15, 16, 17, 22, 31, 32, 33, 55, 64, 65, 100, 256, 500}) {
    for (int kind = 0; kind < static_cast<int>(Costs::size); ++kind) {
      for (std::uint64_t seed = 0; seed < (n < 100 ? 10U : 1U); ++seed) {
        const auto cost = problem<TypeParam>(static_cast<Costs>(kind), n, seed);
        const double tolerance =
            static_cast<double>(n) * 16 * std::numeric_limits<TypeParam>::epsilon() * largest(cost);
        const double found = defect(cost, n, solve(cost, n, work));
        EXPECT_TRUE(found <= tolerance)
            << "n " << n << " kind " << kind << ": " << found << " > " << tolerance;
      }
    }
  }
}

/// The costs of tests/golden/transport/make_assignment.py.
template <typename T>
std::vector<T> golden_costs(std::size_t n, std::uint64_t seed, std::uint64_t values) {
  std::vector<T> cost(n * n);
  for (T& value : cost) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    value = static_cast<T>((seed >> 40) * values >> 24);
  }
  return cost;
}

TYPED_TEST(Assignment, EqualsScipy) {
  std::ifstream file(EQUIBOLT_SOURCE_DIR "/tests/golden/transport/assignment.json");
  const auto problems = nlohmann::json::parse(file);
  ASSERT_EQ(problems.size(), 48U);
  AssignmentWorkspace<TypeParam> work;
  for (const auto& golden : problems) {
    const std::size_t n = golden["n"];
    // Integers of 20 bits: sums along paths are exact in single precision too.
    EXPECT_EQ(solve(golden_costs<TypeParam>(n, n, golden["values"]), n, work).cost,
              golden["optimum"].get<double>())
        << golden.dump();
  }
}

TYPED_TEST(Assignment, TheProofRejectsTwoRowsExchanged) {
  AssignmentWorkspace<TypeParam> work;
  const auto cost = problem<TypeParam>(Costs::uniform, 20, 1);
  auto solution = solve(cost, 20, work);
  std::swap(solution.column_of_row[3], solution.column_of_row[11]);
  for (const std::size_t i : {3, 11})
    solution.u[i] =
        static_cast<double>(cost[i * 20 + solution.column_of_row[i]]) - solution.v[solution.column_of_row[i]];
  EXPECT_GT(defect(cost, 20, solution), 1e-3);
}

TYPED_TEST(Assignment, FollowsPermutationsShiftsAndTransposition) {
  AssignmentWorkspace<TypeParam> work;
  const std::size_t n = 24;
  const auto cost = problem<TypeParam>(Costs::squared_distances, n, 7);
  const auto solution = solve(cost, n, work);
  Random random(8, Stream::test);
  std::vector<std::size_t> rows(n), columns(n);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  columns = rows;
  random.shuffle(std::span(rows));
  random.shuffle(std::span(columns));
  std::vector<TypeParam> moved(n * n), transposed(n * n);
  std::vector<TypeParam> shift(n);
  for (auto& value : shift) value = static_cast<TypeParam>(random.normal());
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      moved[i * n + j] = cost[rows[i] * n + columns[j]] + shift[i];
      transposed[j * n + i] = cost[i * n + j];
    }
  }
  const auto found = solve(moved, n, work);
  for (std::size_t i = 0; i < n; ++i)
    EXPECT_EQ(columns[found.column_of_row[i]], solution.column_of_row[rows[i]]);
  const auto reverse = solve(transposed, n, work);
  for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(reverse.column_of_row[solution.column_of_row[i]], i);
}

TYPED_TEST(Assignment, AWorkspaceKeepsNothingFromEarlierProblems) {
  AssignmentWorkspace<TypeParam> used;
  for (const std::size_t n : {40, 3, 17, 1, 40, 5}) {
    AssignmentWorkspace<TypeParam> fresh;
    const auto cost = problem<TypeParam>(Costs::uniform, n, n);
    const auto a = solve(cost, n, used);
    const auto b = solve(cost, n, fresh);
    EXPECT_EQ(a.column_of_row, b.column_of_row);
    EXPECT_EQ(a.v, b.v);
  }
  std::vector<std::size_t> none;
  EXPECT_EQ(solve_assignment<TypeParam>({}, 0, none, used), 0);
}

TYPED_TEST(Assignment, NamesTheCostThatIsNotFinite) {
  AssignmentWorkspace<TypeParam> work;
  std::vector<std::size_t> columns(3);
  for (const TypeParam bad :
       {std::numeric_limits<TypeParam>::quiet_NaN(), std::numeric_limits<TypeParam>::infinity(),
        -std::numeric_limits<TypeParam>::infinity(), std::numeric_limits<TypeParam>::max()}) {
    std::vector<TypeParam> cost(9, 1);
    cost[5] = bad;
    try {
      solve_assignment<TypeParam>(cost, 3, columns, work);
      FAIL() << "accepted " << bad;
    } catch (const DataError& error) {
      EXPECT_NE(std::string(error.what()).find("row 1, column 2"), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(solve_assignment<TypeParam>(std::vector<TypeParam>(8), 3, columns, work), DataError);
}

}  // namespace
}  // namespace equibolt
