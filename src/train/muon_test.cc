#include "train/muon.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "core/random.h"
#include "egnn/cpu_vector_field.h"
#include "egnn/initialise.h"
#include "train/flow_matching.h"
#include "train/trainer.h"

namespace equibolt {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Architecture with_types(std::size_t hidden, std::size_t layers) {
  return {{0, 1, 1, 2}, 3, hidden, layers, 3};
}

std::vector<float> random_numbers(std::size_t count, std::uint64_t seed) {
  std::vector<float> numbers(count);
  Random(seed, Stream::test).fill_normal(std::span(numbers));
  return numbers;
}

TEST(Muon, MovesMatricesAlongOrthogonalOnesAndTheRestByAdam) {
  ThreadPool pool(2);
  for (const std::size_t hidden : {5, 32, 40}) {  // wide and square matrices, padded and not
    const Architecture a = with_types(hidden, 2);
    const ParameterLayout layout(a);
    const std::vector<float> start = random_numbers(layout.size(), 1), g = random_numbers(layout.size(), 2);
    const AdamOptions adam{.weight_decay = 0.5};
    std::vector<float> theta = start, by_adam = start;
    AdamState state(layout.size()), adam_state(layout.size());
    Muon(a, pool).step(adam, 0.1, g, state, theta);
    adam_step(adam, 0.1, g, adam_state, by_adam);
    EXPECT_EQ(state.steps, 1U);
    std::size_t matrices = 0;
    for (const ParameterLayout::Array& array : layout.arrays()) {
      const bool matrix = array.rows > 1 && array.columns > 1 && !array.name.starts_with("embedding");
      matrices += matrix;
      if (!matrix) {
        for (std::size_t k = array.offset; k < array.offset + array.size(); ++k)
          EXPECT_EQ(theta[k], by_adam[k]);
        continue;
      }
      const double length = 0.1 * 0.2 * std::sqrt(static_cast<double>(std::max(array.rows, array.columns)));
      const auto rows = static_cast<Eigen::Index>(array.rows),
                 columns = static_cast<Eigen::Index>(array.columns);
      Matrix gradient(rows, columns), direction(rows, columns);
      for (std::size_t k = 0; k < array.size(); ++k) {
        const std::size_t at = array.offset + k;
        gradient.data()[k] = static_cast<double>(g[at]);
        direction.data()[k] =
            ((1 - 0.1 * 0.5) * static_cast<double>(start[at]) - static_cast<double>(theta[at])) / length;
      }
      // UᵀDV of the gradient's U S Vᵀ is diagonal, with numbers near 1 but for the smallest of S.
      const Eigen::JacobiSVD<Matrix> svd(gradient, Eigen::ComputeThinU | Eigen::ComputeThinV);
      const Matrix inner = svd.matrixU().transpose() * direction * svd.matrixV();
      for (Eigen::Index i = 0; i < inner.rows(); ++i) {
        for (Eigen::Index j = 0; j < inner.cols(); ++j) {
          if (i != j) {
            EXPECT_NEAR(inner(i, j), 0, 1e-4);
          } else if (svd.singularValues()(i) > 0.02 * svd.singularValues().norm()) {
            EXPECT_NEAR(inner(i, i), 0.95, 0.3) << array.name;
          }
        }
      }
    }
    EXPECT_EQ(matrices, 10U);
  }
}

TEST(Muon, DoesNotDependOnThreadsAndLeavesParametersWithoutGradient) {
  const Architecture a = with_types(12, 3);
  const std::vector<float> start = random_numbers(ParameterLayout(a).size(), 3);
  const auto after = [&](std::size_t threads) {
    ThreadPool pool(threads);
    Muon muon(a, pool);
    std::vector<float> theta = start;
    AdamState state(theta.size());
    for (std::uint64_t step = 0; step < 4; ++step) {
      muon.step({}, 1e-2, random_numbers(theta.size(), 10 + step), state, theta);
    }
    return theta;
  };
  EXPECT_EQ(after(1), after(4));
  ThreadPool pool(1);
  std::vector<float> theta = start;
  AdamState state(theta.size());
  Muon(a, pool).step({}, 1e-2, std::vector<float>(theta.size()), state, theta);
  EXPECT_EQ(theta, start);
}

TEST(Muon, TrainsANetworkAndResumesToTheSameBits) {
  const Architecture a{{0, 0, 0}, 2, 16, 2, 0};
  ThreadPool pool(2);
  Configurations<float> data(64, 3, 2);
  Random random(4, Stream::test);
  for (std::size_t b = 0; b < data.count(); ++b) {
    for (std::size_t k = 0; k < 6; ++k)
      data[b][k] = static_cast<float>(0.1 * random.normal() + (k < 2 ? 1 : -0.5));
  }
  const auto coupling = make_coupling({.kind = CouplingKind::aligned, .types = a.types, .dim = a.dim});
  TrainOptions options;
  options.steps = 120;
  options.batch = 32;
  options.optimizer = Optimizer::muon;
  options.rate = {Schedule::linear, 1e-2, 0, 0};
  options.log_every = 20;
  const auto run = [&](std::size_t stop_at) {
    const std::vector<float> first = initial_parameters(a, 1);
    TrainState state = start_training(first);
    std::vector<double> losses;
    TrainHooks hooks;
    hooks.log = [&](const TrainMetrics& m) { losses.push_back(m.validation_loss); };
    for (const bool stops : {true, false}) {
      hooks.stop = [&, stops] { return stops && state.step == stop_at; };
      const auto field = make_cpu_vector_field(a, first, pool);
      FlowMatching objective(*field, {data, data}, *coupling, {}, 5, options.batch, state.step);
      train(*field, objective, options, pool, state, hooks);
    }
    return std::pair(state.parameters, losses);
  };
  const auto [whole, losses] = run(options.steps + 1);
  EXPECT_EQ(run(37).first, whole);
  EXPECT_LT(losses.back(), 0.9 * losses.front());
}

}  // namespace
}  // namespace equibolt
