#include "flow/score_path.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/geometry.h"
#include "core/random.h"
#include "egnn/cpu_vector_field.h"
#include "egnn/precise_field.h"
#include "flow/integrator.h"

namespace equibolt {
namespace {

constexpr double kStiffness = 3;  // the density at t = 1 is that of ½ k |x|²
const Architecture kArchitecture{{0, 0, 0}, 2, 16, 2, 0};
constexpr std::uint64_t kSeed = 5;

std::vector<float> parameters() {
  std::vector<float> theta(ParameterLayout(kArchitecture).size());
  Random random(1, Stream::test);
  for (float& value : theta) value = static_cast<float>(0.17 * random.normal());
  return theta;
}

Configurations<float> normal(std::size_t count, std::uint64_t number) {
  Configurations<float> x(count, kArchitecture.particles(), kArchitecture.dim);
  for (std::size_t b = 0; b < count; ++b) {
    Random random(number, Stream::test, 7, b);
    mean_free_normal(random, x[b], kArchitecture.dim);
  }
  return x;
}

Configurations<float> score_at_one(const Configurations<float>& x) {
  Configurations<float> score = x;
  for (float& value : score.values()) value *= -static_cast<float>(kStiffness);
  return score;
}

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
  return sum;
}

/// In float64 and to 1e-9: from begin to end, with ∫∇·v.
PathIntegrals carry(ThreadPool& pool, double begin, double end, Configurations<double>& x) {
  const std::vector<float> theta = parameters();
  const PreciseField field(kArchitecture, theta);
  PreciseDynamics dynamics(field, pool);
  IntegratorOptions options;
  options.method = Method::dopri5;
  options.atol = options.rtol = 1e-9;
  return integrate(dynamics, options, begin, end, x, Divergence::exact);
}

TEST(ScorePath, CarriesPositionsScoresAndDivergencesBack) {
  ThreadPool pool(2);
  const auto field = make_cpu_vector_field(kArchitecture, parameters(), pool);
  const Configurations<float> x1 = normal(3, 2);
  Configurations<double> x0 = converted<double>(x1.view());
  const PathIntegrals exact = carry(pool, 1, 0, x0);

  // log p0(x0) = log p1(x1) + ∫∇·v dt, differentiated along each coordinate less its mean.
  Configurations<double> expected = x0;
  constexpr double h = 1e-4;
  for (std::size_t k = 0; k < x0.coordinates(); ++k) {
    double side[2][3];
    for (int s = 0; s < 2; ++s) {
      Configurations<double> moved = x0;
      for (std::size_t b = 0; b < 3; ++b) {
        std::vector<double> unit(x0.coordinates());
        unit[k] = s == 0 ? h : -h;
        remove_mean(std::span(unit), x0.dim());
        for (std::size_t j = 0; j < unit.size(); ++j) moved[b][j] += unit[j];
      }
      const PathIntegrals paths = carry(pool, 0, 1, moved);
      for (std::size_t b = 0; b < 3; ++b) {
        double square = 0;
        for (const double value : moved[b]) square += value * value;
        side[s][b] = -0.5 * kStiffness * square + paths.divergence[b];
      }
    }
    for (std::size_t b = 0; b < 3; ++b) expected[b][k] = (side[0][b] - side[1][b]) / (2 * h);
  }

  ScorePath path(*field, {.steps = 30, .probes = 2});
  constexpr int repeats = 100;
  std::vector<double> mean(expected.size() + 3), square(mean.size());
  for (std::size_t r = 0; r < repeats; ++r) {
    Configurations<float> x = x1, score = score_at_one(x1);
    const std::vector<double> divergence = path.carry_back(x, score, kSeed, r);
    for (std::size_t k = 0; k < x.size(); ++k) ASSERT_NEAR(x.data()[k], x0.data()[k], 1e-5);
    for (std::size_t k = 0; k < mean.size(); ++k) {
      const double value = k < score.size() ? score.data()[k] : divergence[k - score.size()];
      mean[k] += value / repeats;
      square[k] += value * value / repeats;
    }
  }
  for (std::size_t k = 0; k < mean.size(); ++k) {
    const double error = std::sqrt((square[k] - mean[k] * mean[k]) / (repeats - 1));
    const double exactly = k < expected.size() ? expected.data()[k] : -exact.divergence[k - expected.size()];
    EXPECT_NEAR(mean[k], exactly, 4.5 * error + 2e-3) << k;
    EXPECT_LT(error, 0.05) << k;  // so that the line above says something: values are of order 1
  }
}

TEST(ScorePath, EveryStepHasRandomNumbersOfItsOwnAndTheSameAgain) {
  ThreadPool pool(2);
  const auto field = make_cpu_vector_field(kArchitecture, parameters(), pool);
  ScorePath path(*field, {});
  const Configurations<float> x1 = normal(2, 2);
  std::vector<std::vector<double>> found;
  for (const std::size_t step : {0, 1, 0}) {
    Configurations<float> x = x1, score = score_at_one(x1);
    found.push_back(path.carry_back(x, score, kSeed, step));
  }
  EXPECT_NE(found[0], found[1]);
  EXPECT_EQ(found[0], found[2]);
}

TEST(ScorePath, ItsGradientIsThatOfWhereThePathsArrive) {
  ThreadPool pool(2);
  const std::vector<float> theta = parameters();
  const auto field = make_cpu_vector_field(kArchitecture, theta, pool);
  ScorePath path(*field, {.steps = 6});
  const Configurations<float> x1 = normal(4, 2), w = normal(4, 3), direction = normal(4, 4);
  std::vector<float> u(theta.size());
  Random(9, Stream::test).fill_normal(std::span(u));

  const auto arrival = [&](double along_theta, double along_x) {
    std::vector<float> moved = theta;
    for (std::size_t k = 0; k < u.size(); ++k) moved[k] += static_cast<float>(along_theta) * u[k];
    field->set_parameters(moved);
    Configurations<float> x = x1, score = score_at_one(x1);
    for (std::size_t k = 0; k < x.size(); ++k)
      x.data()[k] += static_cast<float>(along_x) * direction.data()[k];
    path.carry_back(x, score, kSeed, 0);
    return dot(w.values(), x.values());
  };
  constexpr double h = 3e-4;
  const double by_theta = (arrival(h, 0) - arrival(-h, 0)) / (2 * h);
  const double by_x = (arrival(0, h) - arrival(0, -h)) / (2 * h);
  arrival(0, 0);
  Configurations<float> pulled = w;
  std::vector<double> gradient(theta.size(), 1.0);  // is added to
  path.add_gradient(pulled, gradient);
  double along = 0;
  for (std::size_t k = 0; k < u.size(); ++k) along += (gradient[k] - 1) * static_cast<double>(u[k]);
  EXPECT_NEAR(along, by_theta, 2e-3 * std::abs(by_theta) + 2e-3);
  EXPECT_NEAR(dot(pulled.values(), direction.values()), by_x, 2e-3 * std::abs(by_x) + 2e-3);
  EXPECT_GT(std::abs(by_theta), 0.1);

  // In another's place, and with no cotangent, a sample does not matter.
  Configurations<float> without = w;
  std::ranges::fill(without[1], 0.0F);
  std::vector<double> first(theta.size()), second(theta.size());
  Configurations<float> copy = without;
  path.add_gradient(copy, first);
  path.replace(1, 3);
  path.add_gradient(without, second);
  for (std::size_t k = 0; k < first.size(); ++k) ASSERT_NEAR(first[k], second[k], 1e-4);
}

}  // namespace
}  // namespace equibolt
